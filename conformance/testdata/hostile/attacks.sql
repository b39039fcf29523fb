-- What a hostile analyst types, one attack a line: what must come of it, a bar, the text. What must come is
--   SQLSTATEs separated by commas, one of which the text must end with, or
--   none: no error and no row, or NULL: no error and nothing but NULL.
-- Each runs in a session that the one before left clean; sent as one string by the simple protocol, and if it is one statement, by the
-- extended protocol too. Statements before the last may succeed.

-- files
42501 | SELECT pg_read_file('/etc/passwd')
42501 | SELECT pg_read_file('postgresql.auto.conf')
42501 | SELECT pg_read_file('PG_VERSION', 0, 10, true)
42501 | SELECT pg_read_binary_file('/etc/passwd')
42501 | SELECT pg_ls_dir('/')
42501 | SELECT pg_ls_dir('.', true, true)
42501 | SELECT * FROM pg_ls_logdir()
42501 | SELECT * FROM pg_ls_waldir()
42501 | SELECT * FROM pg_ls_tmpdir()
42501 | SELECT * FROM pg_ls_archive_statusdir()
42501 | SELECT * FROM pg_stat_file('/etc/passwd')
42501 | SELECT pg_relation_filepath('pg_class')
42501 | SELECT pg_current_logfile()
42501 | SELECT * FROM pg_hba_file_rules
42501 | SELECT * FROM pg_file_settings
42501 | SELECT * FROM pg_ident_file_mappings
42501 | SELECT * FROM pg_config
42501 | SELECT * FROM pg_config()
25006 | COPY (SELECT 1) TO '/tmp/c2d-hostile'
25006 | COPY (SELECT 1) TO PROGRAM 'cat > /tmp/c2d-hostile'
25006 | COPY pg_class TO '/tmp/c2d-hostile'
25006 | COPY people FROM '/etc/passwd'
25006 | COPY people FROM PROGRAM 'id'
25006 | COPY people FROM STDIN
25006 | COPY pg_authid FROM STDIN
42501 | COPY pg_authid TO STDOUT
42501 | COPY (TABLE pg_authid) TO STDOUT
42501 | COPY c2d_private.callback TO STDOUT
25006 | LOAD 'auto_explain'
25006 | LOAD '$libdir/plugins/x'
25006 | CREATE EXTENSION file_fdw
25006 | CREATE EXTENSION postgres_fdw
25006 | CREATE EXTENSION adminpack
25006 | CREATE EXTENSION plpython3u
25006 | ALTER EXTENSION dblink SET SCHEMA public
25006 | CREATE FOREIGN DATA WRAPPER w
25006 | CREATE SERVER s FOREIGN DATA WRAPPER dblink_fdw
25006 | ALTER FOREIGN DATA WRAPPER dblink_fdw OWNER TO CURRENT_USER
25006 | CREATE USER MAPPING FOR CURRENT_USER SERVER s
25006 | IMPORT FOREIGN SCHEMA x FROM SERVER s INTO public
42883 | SELECT pg_file_write('/tmp/c2d-hostile', 'x', false)
42883 | SELECT pg_file_unlink('/tmp/c2d-hostile')
25006 | CREATE TABLESPACE t LOCATION '/tmp'
25006 | ALTER SYSTEM SET archive_command = 'id'
-- large objects
42501 | SELECT lo_import('/etc/passwd')
42501 | SELECT lo_import('/etc/passwd', 4711)
42501 | SELECT lo_export(1, '/tmp/c2d-hostile')
42501 | SELECT lo_creat(-1)
42501 | SELECT lo_create(0)
42501 | SELECT lo_from_bytea(0, 'x')
42501 | SELECT lo_put(1, 0, 'x')
42501 | SELECT lo_get(1)
42501 | SELECT lo_get(1, 0, 10)
42501 | SELECT lo_open(1, 131072)
42501 | SELECT loread(0, 1)
42501 | SELECT lowrite(0, 'x')
42501 | SELECT lo_lseek(0, 0, 0)
42501 | SELECT lo_lseek64(0, 0, 0)
42501 | SELECT lo_tell(0)
42501 | SELECT lo_tell64(0)
42501 | SELECT lo_truncate(0, 0)
42501 | SELECT lo_truncate64(0, 0)
42501 | SELECT lo_close(0)
42501 | SELECT lo_unlink(1)
42501 | TABLE pg_largeobject
25006 | ALTER LARGE OBJECT 1 OWNER TO CURRENT_USER
25006 | COMMENT ON LARGE OBJECT 1 IS 'x'
25006 | GRANT SELECT ON LARGE OBJECT 1 TO PUBLIC
-- tables, temporary or not, and everything else that stays
25006 | CREATE TEMP TABLE t (a int)
25006 | CREATE TEMPORARY TABLE t AS SELECT 1
25006 | CREATE LOCAL TEMP TABLE t (a int)
25006 | CREATE GLOBAL TEMPORARY TABLE t (a int)
25006 | CREATE UNLOGGED TABLE t (a int)
25006 | CREATE TABLE pg_temp.t (a int)
25006 | SELECT 1 AS a INTO TEMP t
25006 | SELECT 1 AS a INTO t
25006 | CREATE TEMP VIEW v AS SELECT 1
25006 | CREATE TEMP SEQUENCE s
25006 | CREATE SEQUENCE pg_temp.s
25006 | CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'
25006 | CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc.so.6', 'getpid'
25006 | CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'pg_backend_pid'
25006 | CREATE OPERATOR pg_temp.= (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)
25006 | CREATE CAST (int AS text) WITH INOUT
25006 | CREATE TYPE pg_temp.e AS ENUM ('a')
25006 | CREATE DOMAIN pg_temp.d AS int
25006 | CREATE AGGREGATE pg_temp.a (int) (SFUNC = int4pl, STYPE = int)
25006 | CREATE RULE r AS ON SELECT TO people DO INSTEAD SELECT 1
25006 | CREATE TRIGGER t AFTER INSERT ON people EXECUTE FUNCTION suppress_redundant_updates_trigger()
25006 | CREATE EVENT TRIGGER t ON ddl_command_start EXECUTE FUNCTION x()
25006 | CREATE POLICY p ON people
25006 | CREATE PUBLICATION p FOR ALL TABLES
25006 | CREATE SUBSCRIPTION s CONNECTION 'host=/tmp' PUBLICATION p
25006 | CREATE SCHEMA mine
25006 | CREATE SCHEMA AUTHORIZATION CURRENT_USER
25006 | CREATE DATABASE mine
25006 | CREATE MATERIALIZED VIEW v AS SELECT 1
25006 | CREATE STATISTICS s ON id, age FROM people
25006 | CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple, STOPWORDS = '../../../etc/passwd')
25006 | CREATE COLLATION c FROM "C"
25006 | CREATE INDEX ON people (age)
25006 | WITH x AS (INSERT INTO people (id) VALUES (1) RETURNING id) SELECT * FROM x
25006 | WITH x AS (DELETE FROM c2d.columns RETURNING 1) SELECT * FROM x
25006 | INSERT INTO c2d.columns SELECT * FROM c2d.columns
25006 | UPDATE c2d.tables SET owner = 'me'
25006 | DELETE FROM pg_proc
25006 | UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'
25006 | TRUNCATE c2d.tables
25006 | SELECT 1 FROM pg_class FOR UPDATE
25006 | SELECT 1 FROM c2d.columns FOR KEY SHARE
25006 | SELECT * FROM people FOR SHARE
25006 | LOCK TABLE pg_class
25006 | LOCK TABLE people IN ACCESS SHARE MODE
25006 | SET default_transaction_read_only = off; CREATE TEMP TABLE t (a int)
25006 | BEGIN READ WRITE; CREATE TABLE t (a int)
25006 | SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; CREATE SCHEMA mine
25006 | SET transaction_read_only = off; PREPARE p AS INSERT INTO people (id) VALUES (1); EXECUTE p
25006,42501 | EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1
55000 | BEGIN; PREPARE TRANSACTION 'x'
25006 | VACUUM
25006 | ANALYZE people
25006 | REINDEX SYSTEM trial
25006 | CLUSTER
25006 | CHECKPOINT
25006 | REFRESH MATERIALIZED VIEW v
25006 | SECURITY LABEL ON TABLE people IS 'x'
25006 | REASSIGN OWNED BY CURRENT_USER TO c2dproxy
25006 | DROP OWNED BY CURRENT_USER
25006 | CALL p()
-- who one is, and settings
42501 | SET ROLE c2dproxy
42501 | SET SESSION AUTHORIZATION c2dproxy
42501 | SET LOCAL ROLE pg_read_all_data
42501 | SET "role" = 'c2dproxy'
42501 | SELECT set_config('role', 'c2dproxy', false)
42501 | SELECT set_config('session_authorization', 'c2dproxy', false)
42501 | SELECT pg_catalog.set_config('ROLE', 'pg_read_all_data', true)
25006 | CREATE ROLE other SUPERUSER
25006 | ALTER ROLE CURRENT_USER SUPERUSER
25006 | ALTER ROLE CURRENT_USER PASSWORD 'x'
25006 | ALTER USER mia SET default_transaction_read_only = off
25006 | ALTER ROLE ALL SET session_preload_libraries = 'x'
25006 | ALTER DATABASE trial SET default_transaction_read_only = off
25006 | ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC
25006 | GRANT SELECT ON people TO PUBLIC
25006 | GRANT c2dproxy TO mia
25006 | ALTER TABLE people OWNER TO mia
42501 | SET session_preload_libraries = 'auto_explain'
55P02 | SET shared_preload_libraries = 'x'
42501 | SET session_replication_role = replica
42501 | SET log_statement = 'all'
42501 | SET log_min_messages = debug5
42501 | SET log_min_error_statement = debug5
42501 | SET log_min_duration_statement = 0
42501 | SET log_parser_stats = on
42501 | SET track_activities = on
42501 | SET track_counts = on
42501 | SET temp_file_limit = -1
42501 | SET max_stack_depth = '1GB'
42501 | SET dynamic_library_path = '/tmp'
42501 | SET lc_messages = 'de_DE'
42501 | SET zero_damaged_pages = on
55P02 | SET ignore_system_indexes = on
42501 | SET allow_system_table_mods = on
42501 | SET update_process_title = on
55P02 | SET jit_provider = 'x'
42501 | SET deadlock_timeout = 1
42501 | SET lo_compat_privileges = on
42501 | SET commit_delay = 100000
55P02 | SET config_file = 'x'
55P02 | SET max_connections = 1000
55P02 | SET restart_after_crash = on
42501 | SELECT set_config('log_statement', 'all', false)
42501 | SELECT set_config('temp_file_limit', '-1', true)
0A000 | SELECT set_config('temp_' || 'file_limit', '-1', false)
0A000 | SET standard_conforming_strings = off
0A000 | SELECT set_config('Standard_Conforming_Strings', 'off', false)
0A000 | SELECT set_config(name, 'off', false) FROM pg_settings WHERE name LIKE 'standard%'
42601,0A000 | SET standard_conforming_strings = off; SELECT 'a\'' || (SELECT r::text FROM c2d.run($$x$$, NULL) r) --'
25001,42501 | SET default_transaction_read_only = off; SELECT set_config('transaction_read_only', 'off', false); SELECT lo_creat(-1)
42501 | SHOW data_directory
42501 | SHOW config_file
42501 | SHOW hba_file
42501 | SHOW ident_file
42501 | SHOW external_pid_file
42501 | SHOW unix_socket_directories
42501 | SHOW log_directory
42501 | SHOW shared_preload_libraries
42501 | SHOW dynamic_library_path
42501 | SHOW krb_server_keyfile
42501 | SELECT current_setting('data_directory')
42501 | SELECT current_setting('unix_socket_directories', true)
none | SELECT name, setting FROM pg_settings WHERE setting ~ '/' AND setting !~ '^[A-Z][a-z]+/' OR boot_val ~ '/tmp' OR reset_val ~ '/tmp'
none | SELECT 1 FROM pg_settings WHERE sourcefile IS NOT NULL
NULL | SELECT inet_server_addr()
NULL | SELECT inet_client_addr()
-- strings that hold statements
42501 | SELECT query_to_xml('SELECT count(*) FROM people', false, false, '')
42501 | SELECT query_to_xml('SELECT 1', true, true, 'x')
42501 | SELECT query_to_xmlschema('SELECT * FROM people', false, false, '')
42501 | SELECT query_to_xml_and_xmlschema('TABLE people', false, false, '')
42501 | BEGIN; DECLARE c CURSOR FOR SELECT 1; SELECT cursor_to_xml('c', 1, false, false, '')
42501 | SELECT cursor_to_xmlschema('c', false, false, '')
42501 | SELECT table_to_xml('people', false, false, '')
42501 | SELECT table_to_xmlschema('people', false, false, '')
42501 | SELECT table_to_xml_and_xmlschema('people', false, false, '')
42501 | SELECT schema_to_xml('public', false, false, '')
42501 | SELECT schema_to_xmlschema('public', false, false, '')
42501 | SELECT schema_to_xml_and_xmlschema('public', false, false, '')
42501 | SELECT database_to_xml(false, false, '')
42501 | SELECT database_to_xmlschema(false, false, '')
42501 | SELECT database_to_xml_and_xmlschema(false, false, '')
42501 | SELECT * FROM xmltable('/x' PASSING table_to_xml('people', false, false, '') COLUMNS a text)
42501 | SELECT xpath('//x', query_to_xml('TABLE people', false, false, ''))
42501 | SELECT * FROM ts_stat('SELECT to_tsvector(sex) FROM people')
42501 | SELECT * FROM ts_stat('SELECT to_tsvector(conninfo) FROM c2d_private.callback', 'a')
42501 | SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery FROM people')
25006 | DO $$ BEGIN PERFORM count(*) FROM people; END $$
25006 | DO LANGUAGE sql 'SELECT 1'
26000 | EXECUTE p
42501 | PREPARE p AS SELECT query_to_xml($1, false, false, ''); EXECUTE p('TABLE people')
42501 | SELECT format('%s', query_to_xml('TABLE people', false, false, ''))
42P01 | SELECT pg_get_viewdef('nothing')
NULL | SELECT pg_get_viewdef('people'::regclass)
42501 | SELECT dblink('dbname=trial', 'TABLE people')
42883 | SELECT * FROM plpgsql_exec('SELECT 1') AS t(a int)
42809,42883,0A000 | SELECT plpgsql_inline_handler('BEGIN END')
-- calls that are ours alone
42501 | SELECT c2d.run('0123456789abcdef0123456789abcdef', NULL)
42501 | SELECT * FROM c2d.run('x', ARRAY['1'])
42501 | SELECT c2d.explain('x', NULL)
42501 | SELECT c2d.view('budget')
42501 | SELECT "c2d"."run"('x', NULL)
42501 | SELECT trial.c2d.run('x', NULL)
42501 | SET search_path = c2d; SELECT run('x', NULL)
42501 | SELECT U&"c2\0064".U&"\0072un"('x', NULL)
42501 | SELECT (SELECT r FROM c2d.run(statement => 'x', args => NULL) r LIMIT 1)
42501 | SELECT * FROM ROWS FROM (c2d.view('budget'), generate_series(1, 2))
42501 | SELECT c2d_private.call('{}')
42501 | SELECT c2d_private.request('run', 'x', NULL)
42501 | SELECT c2d_private.hang_up()
42501 | TABLE c2d_private.callback
42501 | SELECT conninfo FROM c2d_private.callback
42501 | SELECT c2d_private.dblink_connect('c', 'dbname=trial')
42501 | SELECT * FROM c2d_private.dblink('c2d', 'TABLE people') AS t(a text)
42501 | SELECT c2d_private.dblink_get_connections()
42501 | SELECT c2d_private.dblink_exec('c2d', 'x')
42501 | SELECT c2d_private.dblink_current_query()
42501 | SELECT public.dblink('x')
none | SELECT 1 FROM pg_proc WHERE prosrc ~* '(password|host)\s*=' AND pronamespace = ANY (ARRAY(SELECT oid FROM pg_namespace WHERE nspname LIKE 'c2d%'))
none | SELECT 1 FROM pg_stat_user_tables WHERE schemaname = 'c2d_private' AND n_live_tup > 0
none | SELECT 1 FROM pg_statistic_ext
42501 | TABLE pg_statistic
42501 | SELECT most_common_vals FROM pg_stats
-- others
42501 | SELECT * FROM pg_stat_activity
42501 | SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid()
42501 | SELECT * FROM pg_stat_get_activity(NULL)
42501 | SELECT pg_stat_get_backend_idset()
42501 | SELECT pg_stat_get_backend_activity(1)
42501 | SELECT * FROM pg_stat_ssl
42501 | SELECT * FROM pg_stat_gssapi
42501 | SELECT * FROM pg_stat_replication
42501 | SELECT * FROM pg_stat_database
42501 | SELECT numbackends FROM pg_stat_database
42501 | SELECT pg_stat_get_db_numbackends(oid) FROM pg_database
42501 | SELECT * FROM pg_locks
42501 | SELECT * FROM pg_lock_status()
42501 | SELECT * FROM pg_prepared_xacts
42P01 | SELECT * FROM pg_stat_statements
42501 | SELECT pg_blocking_pids(1)
42501 | SELECT pg_terminate_backend(pg_backend_pid())
42501 | SELECT pg_cancel_backend(pg_backend_pid())
42501 | SELECT pg_log_backend_memory_contexts(pg_backend_pid())
42501 | SELECT * FROM pg_get_backend_memory_contexts()
42501 | SELECT * FROM pg_backend_memory_contexts
42501 | SELECT * FROM pg_shmem_allocations
none | SELECT name FROM pg_prepared_statements
none | SELECT name FROM pg_cursors WHERE name <> ''
25006 | LISTEN a
25006 | NOTIFY a, 'x'
42501 | SELECT pg_notify('a', 'x')
42501 | SELECT pg_listening_channels()
42501 | SELECT pg_notification_queue_usage()
42501 | SELECT pg_advisory_lock(1)
42501 | SELECT pg_try_advisory_lock(1)
42501 | SELECT pg_advisory_xact_lock(1)
42501 | SELECT pg_try_advisory_xact_lock(1, 2)
42501 | SELECT pg_advisory_lock_shared(1)
42501 | SELECT pg_try_advisory_xact_lock_shared(1)
42501 | SELECT pg_export_snapshot()
22023 | BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '00000003-0000001B-1'
42501 | SELECT pg_logical_emit_message(true, 'a', 'b')
42501 | SELECT pg_create_logical_replication_slot('s', 'test_decoding')
42501 | SELECT pg_create_physical_replication_slot('s')
42501 | SELECT pg_replication_origin_create('o')
42501 | SELECT pg_current_wal_lsn()
42501 | SELECT pg_switch_wal()
42501 | SELECT pg_create_restore_point('x')
42501 | SELECT pg_backup_start('x')
42501 | SELECT pg_promote()
42501 | SELECT pg_reload_conf()
42501 | SELECT pg_rotate_logfile()
42501 | SELECT pg_stat_reset()
42501 | SELECT pg_stat_reset_shared('wal')
42501 | SELECT pg_import_system_collations('public')
42501 | SELECT binary_upgrade_set_next_pg_authid_oid(1)
42501 | SELECT pg_nextoid('pg_class', 'oid', 'pg_class_oid_index')
42501 | TABLE pg_authid
42501 | TABLE pg_shadow
42501 | TABLE pg_user_mapping
42501 | TABLE pg_subscription
none | SELECT 1 FROM pg_user WHERE passwd <> '********'
none | SELECT rolname FROM pg_roles WHERE rolpassword <> '********'
none | SELECT datname FROM pg_database WHERE datname <> current_database()
none | TABLE pg_db_role_setting
none | TABLE pg_foreign_server
none | TABLE pg_user_mappings
none | SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'c2d', 'c2d_private', 'public')
-- what is hidden
42703 | SELECT secret FROM people
42703 | SELECT count(secret) FROM people
42703 | SELECT count(*) FROM people WHERE secret IS NULL
42703 | SELECT count(*) FROM people p WHERE p.secret = 'x'
42703 | SELECT count(*) FROM people GROUP BY secret
42703 | SELECT count(*) FROM people JOIN visits USING (secret)
42703 | SELECT secre FROM people
42703 | SELECT count(*) FROM people p WHERE p.scret IS NULL
42P01 | SELECT count(*) FROM patient
42P01 | SELECT count(*) FROM trial_people
42P01 | SELECT count(*) FROM nafld1
0A000 | SELECT count(*) FROM liver.public.patients
42P01 | SELECT count(*) FROM patients
42P01 | SELECT 'trial_people'::regclass
42703 | SELECT has_column_privilege('people', 'secret', 'SELECT')
NULL | SELECT to_regclass('patients')
42501 | SELECT id FROM people GROUP BY id
42501 | SELECT id, count(*) FROM people GROUP BY id
42501,ZD001 | SELECT id FROM people
42501 | SELECT count(*) FROM people WHERE id = 7
42501 | SELECT count(*) FROM people GROUP BY id % 2
ZD003 | SELECT max(id) FROM people
-- texts that are too much
54000 | SELECT %DEEP%
54000 | SELECT %PARENTHESES%
-- memory
53200 | SELECT length(repeat('x', 1000000000))
53200,54000 | SELECT array_length(array_fill(0::bigint, ARRAY[130000000]), 1)
54000,53200 | SELECT array_fill(0, ARRAY[2000000000])
53200 | SELECT length(string_agg(repeat('x', 1000000), '')) FROM generate_series(1, 1000)
53200,54000 | SELECT jsonb_agg(repeat('x', 1000000)) FROM generate_series(1, 1000)
22023 | SET work_mem = '3000000MB'
53200 | SET work_mem = '2GB'; SELECT count(*) FROM (SELECT DISTINCT n || repeat('x', 10000) FROM generate_series(1, 120000) n) x
54001 | SELECT repeat('[', 100000)::json
54001 | SELECT repeat('{"a":', 100000)::jsonb
2200M,2200N,54000,53200 | SELECT xmlparse(document '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;"><!ENTITY h "&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;"><!ENTITY i "&h;&h;&h;&h;&h;&h;&h;&h;&h;&h;">]><x>&i;&i;&i;&i;&i;&i;&i;&i;</x>')
2201B | SELECT 'a' ~ repeat('(', 10000)
2201B,54001,53200 | SELECT 'a' ~ ('(' || repeat('a{0,255}', 1000) || '){0,255}')
-- disk
53400 | SELECT count(*) FROM (SELECT repeat(n::text, 200) AS a FROM generate_series(1, 300000) n ORDER BY a) x
53400 | BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT repeat('x', 1000) FROM generate_series(1, 400000); COMMIT
53400 | WITH x AS MATERIALIZED (SELECT repeat('x', 1000) a FROM generate_series(1, 400000)) SELECT count(*) FROM x a, (SELECT a FROM x OFFSET 399999) b
53400 | WITH RECURSIVE x AS (SELECT 1 AS n, repeat('x', 1000) AS a UNION ALL SELECT n + 1, a FROM x WHERE n < 1000000) SELECT count(*) FROM x a WHERE EXISTS (SELECT FROM x b WHERE b.n = 1000000 AND b.n > a.n)
