-- Each line must work as the analyst; the number before the bar is how many rows the last statement gives (* any, + at least one).
1 | SELECT 1
1 | SELECT version()
1 | SELECT current_user, session_user, current_database(), current_schema()
1 | SELECT pg_catalog.set_config('search_path', 'public', false)
1 | SHOW server_version
1 | SHOW default_transaction_read_only
1 | SHOW transaction isolation level
+ | SHOW ALL
0 | SET c2d.epsilon = 0.5
0 | SET TIME ZONE 'Europe/Berlin'
0 | BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; COMMIT
0 | BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT
0 | DISCARD ALL
1 | SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL; SELECT 1
3 | BEGIN; DECLARE c SCROLL CURSOR FOR SELECT generate_series(1, 3); FETCH ALL FROM c
2 | PREPARE a(int) AS SELECT generate_series(1, $1); EXECUTE a(2)
0 | PREPARE a AS SELECT count(*) FROM patients
+ | EXPLAIN SELECT 1
0 | COPY (SELECT 1) TO STDOUT
1 | SELECT datname FROM pg_database
0 | SELECT 1 FROM pg_database WHERE datname <> current_database()
3 | SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'
3 | SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'
11 | SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'
6 | SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'patients'::regclass AND attnum > 0
1 | SELECT conname FROM pg_constraint WHERE conrelid = 'patients'::regclass AND contype = 'p'
1 | SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'public.patients'::regclass
1 | SELECT obj_description('patients'::regclass)
1 | SELECT 1 WHERE c2d_has_table_privilege('patients', 'REFERENCES') AND NOT c2d_has_table_privilege('patients', 'SELECT') AND NOT c2d_has_any_column_privilege('patients', 'SELECT')
1 | SELECT 1 WHERE has_table_privilege('patients', 'select') AND has_any_column_privilege(current_user, '"public"."patients"', 'INSERT, SELECT') AND NOT has_table_privilege('patients', 'INSERT,UPDATE')
1 | SELECT 1 WHERE NOT has_table_privilege('patients', 'SELECT WITH GRANT OPTION') AND NOT has_column_privilege('patients', 'age', 'SELECT') AND has_table_privilege(NULL::text, 'SELECT') IS NULL
1 | SELECT pg_relation_size('patients') + pg_total_relation_size('patients')
1 | SELECT pg_table_is_visible('patients'::regclass)
+ | SELECT rolname FROM pg_roles
+ | SELECT name, setting FROM pg_settings
+ | SELECT * FROM pg_get_keywords()
+ | SELECT * FROM pg_timezone_names
+ | SELECT t.oid, typname FROM pg_type t WHERE typname = 'text'
+ | SELECT proname, pg_get_function_result(oid) FROM pg_proc WHERE proname = 'now'
4 | SELECT * FROM c2d.tables
11 | SELECT * FROM c2d.columns
1 | SELECT * FROM c2d.budget
2 | SELECT * FROM c2d.last
1 | SELECT * FROM c2d.history
2 | SELECT * FROM c2d.studies
1 | SELECT to_char(1234.5, '9,999.9'), date_trunc('month', now()), width_bucket(5, 0, 10, 5)
1 | SELECT pg_sleep(0.001)
1 | SELECT ts_rewrite('a & b'::tsquery, 'a'::tsquery, 'c'::tsquery)
