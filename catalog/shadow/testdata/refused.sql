-- Each line, run as the analyst without any rewriter, must be an error of the class before the bar and give no row.
-- Class: SQLSTATE or alternatives separated by a comma.

-- SELECT in its shapes
42501 | SELECT * FROM patients
42501 | SELECT 1 FROM patients
42501 | SELECT FROM patients
42501 | SELECT count(*) FROM patients
42501 | SELECT count(*) FROM public.patients
42501 | SELECT count(*) FROM ONLY patients
42501 | SELECT count(*) FROM patients *
42501 | SELECT avg(age), sex FROM patients GROUP BY sex
42501 | SELECT sex FROM patients GROUP BY sex HAVING count(*) > 1000
42501 | SELECT DISTINCT sex FROM patients
42501 | SELECT age FROM patients WHERE false
42501 | SELECT age FROM patients LIMIT 0
42501 | SELECT age FROM patients ORDER BY age OFFSET 10
42501 | SELECT age FROM patients WHERE id = 1
42501 | SELECT id FROM patients
42501 | SELECT p FROM patients p
42501 | SELECT p.* FROM patients p
42501 | SELECT (p).age FROM patients p
42501 | SELECT ctid, xmin, tableoid FROM patients
42501 | SELECT tableoid::regclass FROM patients
42501 | SELECT row_to_json(p) FROM patients p
42501 | SELECT to_jsonb(p) FROM patients p
42501 | SELECT json_agg(p) FROM patients p
42501 | SELECT array_agg(age) FROM patients
42501 | SELECT string_agg(sex, ',') FROM patients
42501 | SELECT max(age), min(age) FROM patients
42501 | SELECT max(id) FROM patients
42501 | SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY age) FROM patients
42501 | SELECT count(*) FILTER (WHERE false) FROM patients
42501 | SELECT age, row_number() OVER (ORDER BY age) FROM patients
42501 | SELECT sum(age) OVER () FROM patients
42501 | SELECT age FROM patients TABLESAMPLE SYSTEM (10)
42501 | SELECT sex, count(*) FROM patients GROUP BY ROLLUP (sex)
42501 | SELECT sex, count(*) FROM patients GROUP BY GROUPING SETS ((sex), ())
42501 | SELECT sex, count(*) FROM patients GROUP BY CUBE (sex)
42501 | SELECT coalesce((SELECT max(age) FROM patients), 0)
42501 | SELECT (SELECT count(*) FROM patients)
42501 | SELECT ARRAY(SELECT age FROM patients)
42501 | SELECT EXISTS (SELECT FROM patients)
42501 | SELECT NOT EXISTS (SELECT 1 FROM patients)
42501 | SELECT 1 IN (SELECT age FROM patients)
42501 | SELECT 1 > ALL (SELECT age FROM patients)
42501 | SELECT 1 WHERE 1 NOT IN (SELECT age FROM patients)
42501 | SELECT 1 WHERE EXISTS (SELECT 1 FROM patients WHERE age > 200)
42501 | SELECT 1 ORDER BY (SELECT count(*) FROM patients)
42501 | SELECT 1 LIMIT (SELECT count(*) FROM patients)
42501 | SELECT CASE WHEN random() < 2 THEN (SELECT count(*) FROM patients) END
42501 | SELECT n FROM generate_series(1, (SELECT max(age) FROM patients)) n
42501 | SELECT count(*) FROM (SELECT * FROM patients) x
42501 | SELECT count(*) FROM (SELECT * FROM patients OFFSET 0) x
42501 | WITH x AS (SELECT * FROM patients) SELECT count(*) FROM x
42501 | WITH x AS MATERIALIZED (SELECT * FROM patients) SELECT count(*) FROM x
42501 | WITH x AS NOT MATERIALIZED (SELECT * FROM patients) SELECT count(*) FROM x
42501 | WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x, patients WHERE n < 3) SELECT * FROM x
42501 | SELECT 1 UNION SELECT age FROM patients
42501 | SELECT age FROM patients UNION ALL SELECT 1
42501 | SELECT 1 INTERSECT SELECT age FROM patients
42501 | SELECT 1 EXCEPT SELECT age FROM patients
42501 | VALUES ((SELECT count(*) FROM patients))
42501 | TABLE patients
42501 | TABLE public.cohort
42501 | SELECT count(*) FROM cohort
42501 | SELECT count(*) FROM measurements
42501 | SELECT value FROM measurements WHERE test = 'sbp'
-- joins
42501 | SELECT count(*) FROM patients p JOIN measurements m ON p.id = m.id
42501 | SELECT count(*) FROM patients JOIN measurements USING (id)
42501 | SELECT count(*) FROM patients NATURAL JOIN measurements
42501 | SELECT count(*) FROM patients LEFT JOIN measurements USING (id)
42501 | SELECT count(*) FROM patients FULL JOIN measurements USING (id)
42501 | SELECT count(*) FROM patients CROSS JOIN cohort
42501 | SELECT count(*) FROM patients p, LATERAL (SELECT * FROM measurements m WHERE m.id = p.id) x
42501 | SELECT 1 FROM (VALUES (1)) v(id) LEFT JOIN patients USING (id)
42501 | SELECT v.id FROM (VALUES (1)) v(id) LEFT JOIN (SELECT DISTINCT id FROM patients) x ON x.id = v.id
42501 | SELECT count(*) FROM pg_class, patients
42501 | SELECT relname FROM pg_class WHERE EXISTS (SELECT 1 FROM patients)
42501 | SELECT c.* FROM c2d.columns c JOIN patients ON true
-- statements around a SELECT
42501 | EXPLAIN SELECT * FROM patients
42501 | EXPLAIN ANALYZE SELECT count(*) FROM patients
42501 | EXPLAIN (FORMAT json, VERBOSE) SELECT count(*) FROM patients
42501 | COPY patients TO STDOUT
42501 | COPY patients (age) TO STDOUT
42501 | COPY (SELECT * FROM patients) TO STDOUT
42501 | COPY (TABLE patients) TO STDOUT WITH (FORMAT binary)
42501 | BEGIN; DECLARE c CURSOR FOR SELECT * FROM patients; FETCH ALL FROM c
42501 | DECLARE c CURSOR WITH HOLD FOR SELECT * FROM patients
42501 | BEGIN; DECLARE c SCROLL CURSOR FOR TABLE patients
42501 | PREPARE a AS SELECT count(*) FROM patients; EXECUTE a
42501 | PREPARE a(int) AS SELECT count(*) FROM patients WHERE age > $1; EXECUTE a(3)
42501 | PREPARE a AS TABLE patients; EXPLAIN EXECUTE a
25006,42501 | SELECT * INTO copied FROM patients
25006,42501 | CREATE TABLE copied AS SELECT * FROM patients
25006,42501 | CREATE TABLE copied AS TABLE patients WITH NO DATA
25006,42501 | CREATE TABLE copied (LIKE patients)
25006,42501 | CREATE TEMP TABLE copied AS SELECT * FROM patients
25006,42501 | CREATE VIEW v AS SELECT * FROM patients
25006,42501 | CREATE TEMP VIEW v AS SELECT * FROM patients
25006,42501 | CREATE MATERIALIZED VIEW v AS SELECT * FROM patients
25006,42501 | SET default_transaction_read_only = off; CREATE TABLE copied AS SELECT * FROM patients
42501 | SET transaction_read_only = off; CREATE TABLE copied (a int)
42501 | SET transaction_read_only = off; CREATE TEMP TABLE copied AS SELECT * FROM patients
42501 | SET transaction_read_only = off; CREATE TEMP TABLE copied (a int)
42501 | SET transaction_read_only = off; CREATE VIEW v AS SELECT * FROM patients
42501 | SET transaction_read_only = off; CREATE TABLE c (id int REFERENCES patients (id))
-- functions that read tables on their own
42501 | SELECT query_to_xml('SELECT count(*) FROM patients', false, false, '')
42501 | SELECT query_to_xml('SELECT 1', false, false, '')
42501 | SELECT query_to_xmlschema('SELECT * FROM patients', false, false, '')
42501 | SELECT query_to_xml_and_xmlschema('SELECT * FROM patients', false, false, '')
42501 | SELECT table_to_xml('patients', false, false, '')
42501 | SELECT table_to_xmlschema('patients', false, false, '')
42501 | SELECT table_to_xml_and_xmlschema('patients', false, false, '')
42501 | SELECT schema_to_xml('public', false, false, '')
42501 | SELECT schema_to_xmlschema('public', false, false, '')
42501 | SELECT database_to_xml(false, false, '')
42501 | SELECT database_to_xml_and_xmlschema(false, false, '')
42501 | BEGIN; DECLARE c CURSOR FOR SELECT 1; SELECT cursor_to_xml('c', 1, false, false, '')
42501 | SELECT * FROM xmltable('/r' PASSING query_to_xml('TABLE patients', false, false, '') COLUMNS a text)
42501 | SELECT * FROM ts_stat('SELECT to_tsvector(sex) FROM patients')
42501 | SELECT * FROM ts_stat('SELECT to_tsvector(sex) FROM patients', 'a')
42501 | SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery FROM patients')
42501 | DO $$ BEGIN PERFORM count(*) FROM patients; END $$
42501 | DO LANGUAGE plpgsql 'BEGIN NULL; END'
25006,42501 | CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM patients'
42501 | SET transaction_read_only = off; CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT 1'
42501 | SET transaction_read_only = off; CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'
42501 | SET transaction_read_only = off; CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN END'
42501 | SELECT c2d_private.dblink('', 'TABLE patients')
42883 | SELECT * FROM dblink('dbname=x', 'SELECT count(*) FROM patients') AS t(n bigint)
42501 | SELECT c2d_private.call('run', '', NULL, '', '')
42501 | SELECT c2d_private.hang_up()
42501 | TABLE c2d_private.callback
-- files, large objects, servers, locks
42501 | SELECT pg_read_file('/etc/passwd')
42501 | SELECT pg_read_file('postgresql.auto.conf')
42501 | SELECT pg_read_binary_file('PG_VERSION')
42501 | SELECT pg_ls_dir('.')
42501 | SELECT * FROM pg_ls_logdir()
42501 | SELECT * FROM pg_stat_file('PG_VERSION')
42501 | SELECT lo_import('/etc/passwd')
42501 | SELECT lo_creat(-1)
42501 | SELECT lo_create(0)
42501 | SELECT lo_from_bytea(0, 'x')
42501 | SELECT lo_get(1)
42501 | SELECT lo_export(1, '/tmp/x')
42501 | SELECT loread(0, 1)
42501 | TABLE pg_largeobject
42501 | COPY (SELECT 1) TO '/tmp/x'
42501 | COPY (SELECT 1) TO PROGRAM 'cat'
25006,42501 | COPY patients FROM '/etc/passwd'
25006,42501 | COPY patients FROM STDIN
42501 | SELECT pg_notify('a', 'b')
42501 | SELECT pg_advisory_lock(1)
42501 | SELECT pg_try_advisory_lock(1)
42501 | SELECT pg_advisory_xact_lock_shared(1, 2)
42501 | SELECT pg_logical_emit_message(false, 'a', 'b')
42501 | SELECT pg_switch_wal()
42501 | SELECT pg_reload_conf()
42501 | SELECT pg_rotate_logfile()
42501 | SELECT pg_terminate_backend(1)
42501 | SHOW data_directory
42501 | SHOW unix_socket_directories
42501 | SELECT current_setting('hba_file')
42501 | SELECT * FROM pg_hba_file_rules
42501 | SELECT * FROM pg_stat_activity
42501 | SELECT * FROM pg_stat_get_activity(NULL)
42501 | TABLE pg_locks
42501 | TABLE pg_authid
42501 | TABLE pg_shadow
-- statistics
42501 | SELECT * FROM pg_stats WHERE tablename = 'patients'
42501 | SELECT * FROM pg_statistic
42501 | SELECT * FROM pg_stats_ext
42501 | TABLE pg_statistic_ext_data
-- writes and locks
25006,42501 | INSERT INTO patients VALUES (1)
25006,42501 | INSERT INTO patients SELECT * FROM patients
25006,42501 | UPDATE patients SET age = 1
25006,42501 | UPDATE patients SET age = 1 RETURNING *
25006,42501 | DELETE FROM patients
25006,42501 | DELETE FROM patients RETURNING *
25006,42501 | WITH x AS (DELETE FROM patients RETURNING *) SELECT * FROM x
25006,42501 | MERGE INTO patients USING (VALUES (1)) v(id) ON patients.id = v.id WHEN MATCHED THEN DELETE
25006,42501 | TRUNCATE patients
42501 | SET transaction_read_only = off; INSERT INTO patients (id, age) VALUES (1, 2)
42501 | SET transaction_read_only = off; DELETE FROM patients
42501 | SET transaction_read_only = off; TRUNCATE patients
42501 | SET transaction_read_only = off; INSERT INTO c2d.tables DEFAULT VALUES
42501 | SET transaction_read_only = off; UPDATE c2d.columns SET uses = NULL
25006,42501 | SELECT * FROM patients FOR UPDATE
25006,42501 | SELECT * FROM patients FOR SHARE
42501 | BEGIN; LOCK patients IN ACCESS SHARE MODE
25006,42501 | BEGIN; LOCK TABLE patients
25006,42501 | ALTER TABLE patients ADD b int
42501 | SET transaction_read_only = off; ALTER TABLE patients ENABLE ROW LEVEL SECURITY
42501 | SET transaction_read_only = off; ALTER TABLE patients OWNER TO CURRENT_USER
25006,42501 | DROP TABLE patients
25006,42501 | CREATE INDEX ON patients (age)
42501 | SET transaction_read_only = off; CREATE INDEX ON patients (lower(sex))
42501 | SET transaction_read_only = off; CREATE STATISTICS s ON age, sex FROM patients
42501 | SET transaction_read_only = off; CREATE TRIGGER t BEFORE INSERT ON patients EXECUTE FUNCTION suppress_redundant_updates_trigger()
42501 | SET transaction_read_only = off; CREATE RULE r AS ON INSERT TO patients DO INSTEAD NOTHING
42501 | SET transaction_read_only = off; CREATE POLICY p ON patients
42501 | SET transaction_read_only = off; CREATE SCHEMA s
25006,42501 | CREATE DATABASE d
42501 | SET transaction_read_only = off; CREATE EXTENSION hstore
42501 | SET transaction_read_only = off; CREATE FOREIGN DATA WRAPPER f
42501,42704 | SET transaction_read_only = off; CREATE SERVER s FOREIGN DATA WRAPPER dblink_fdw
42501 | SET transaction_read_only = off; COMMENT ON TABLE patients IS 'x'
42501 | SET transaction_read_only = off; REINDEX TABLE patients
25006,42501 | CLUSTER patients USING patients_pkey
25006,42501 | ALTER SYSTEM SET fsync = on
42501 | CHECKPOINT
-- rights
25006,42501 | GRANT SELECT ON patients TO CURRENT_USER
42501 | SET transaction_read_only = off; GRANT c2dproxy TO CURRENT_USER
42501 | SET transaction_read_only = off; CREATE ROLE r
42501 | SET transaction_read_only = off; ALTER ROLE CURRENT_USER SUPERUSER
42501 | SET ROLE c2dproxy
42501 | SET ROLE pg_read_all_data
42501 | SET SESSION AUTHORIZATION c2dproxy
42501 | SET session_replication_role = replica
42501 | SET log_min_messages = debug5
42501 | SET temp_file_limit = -1
42501 | LOAD 'dblink'
-- what the profile does not show does not exist
42P01 | SELECT * FROM elsewhere
42703 | SELECT secret_note FROM patients
