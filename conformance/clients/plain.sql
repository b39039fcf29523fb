-- The study "trial" as one PostgreSQL holds it: tables as rosa sees them, with everybody's rows, for
-- clients to compare the gateway with.
DO $tables$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['cleared', 'crowded', 'deserts', 'people', 'persons', 'planted'] LOOP
    EXECUTE format('CREATE TABLE %I (id integer NOT NULL, sex text, age integer, city text NOT NULL, weight numeric(5,1),
      born date, active boolean, income bigint NOT NULL, note text, PRIMARY KEY (id))', name);
    EXECUTE format('INSERT INTO %I SELECT id, sex, age, city, weight, born, active, income, note FROM clinic.%I', name, 'trial_' || name);
  END LOOP;
END
$tables$;
CREATE TABLE sites (pid bigint NOT NULL, region text NOT NULL, grade smallint, cost numeric(8,2),
  seen timestamp NOT NULL, flag boolean NOT NULL);
INSERT INTO sites SELECT pid, region, grade, cost, seen, flag FROM clinic.trial_sites
  UNION ALL SELECT pid, region, grade, cost, seen, flag FROM lab.trial_sites
  UNION ALL SELECT pid, region, grade, cost, seen, flag FROM registry.trial_sites;
CREATE TABLE stays (id integer NOT NULL, ward text, days integer, admitted date NOT NULL, urgent boolean NOT NULL);
INSERT INTO stays SELECT id, ward, days, admitted, urgent FROM registry.trial_stays;
CREATE TABLE visits (id integer NOT NULL, kind text NOT NULL, value numeric(6,1), score double precision,
  at timestamp NOT NULL, day date NOT NULL, ok boolean, rank smallint NOT NULL);
INSERT INTO visits SELECT id, kind, value, score, at, day, ok, rank FROM lab.trial_visits;
DROP SCHEMA clinic, lab, registry CASCADE;
CREATE ROLE rosa LOGIN PASSWORD 'plain';
ALTER ROLE rosa SET default_transaction_read_only = on;
ALTER ROLE rosa SET "c2d.epsilon" = '';
REVOKE ALL ON DATABASE trial FROM PUBLIC;
GRANT CONNECT ON DATABASE trial TO PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;
REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;
