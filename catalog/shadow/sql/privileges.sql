-- Tools ask whether they may SELECT from a table before they list it (Metabase: has_any_column_privilege). Analysts may, through
-- the gateway, while their role here holds REFERENCES and never SELECT. So where a client asks about SELECT by name, REFERENCES
-- is the answer. PostgreSQL's own functions keep their numbers, by which the catalog's views know them; no check of a
-- privilege calls either.
DO $privileges$
DECLARE
  f record;
  n integer := 0;
BEGIN
  FOR f IN
    SELECT oid::regprocedure AS signature, proname, pronargs, pg_get_function_identity_arguments(oid) AS arguments
      FROM pg_proc
     WHERE pronamespace = 'pg_catalog'::regnamespace AND proname IN ('has_table_privilege', 'has_any_column_privilege')
  LOOP
    EXECUTE format('ALTER FUNCTION %s RENAME TO %I', f.signature, 'c2d_' || f.proname);
    EXECUTE format(
      'CREATE FUNCTION pg_catalog.%I(%s) RETURNS boolean LANGUAGE sql STABLE STRICT PARALLEL SAFE
       RETURN pg_catalog.%I(%s, pg_catalog.regexp_replace($%s, ''(^|,)\s*select\s*(?=,|$)'', ''\1select,references'', ''gi''))',
      f.proname, f.arguments, 'c2d_' || f.proname,
      (SELECT string_agg('$' || i, ', ' ORDER BY i) FROM generate_series(1, f.pronargs - 1) AS i), f.pronargs);
    n := n + 1;
  END LOOP;
  IF n <> 12 THEN
    RAISE EXCEPTION 'found % functions', n;
  END IF;
END
$privileges$;

