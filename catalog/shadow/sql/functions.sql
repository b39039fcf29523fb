-- Schema c2d: what analysts call and read. Schema c2d_private: what only the owner reaches.
CREATE SCHEMA c2d;
CREATE SCHEMA c2d_private;
CREATE EXTENSION dblink SCHEMA c2d_private;
-- What of it is not called goes, and no longer shows in \dew or among the types.
ALTER EXTENSION dblink DROP FOREIGN DATA WRAPPER dblink_fdw;
DROP FOREIGN DATA WRAPPER dblink_fdw;
ALTER EXTENSION dblink DROP FUNCTION c2d_private.dblink_get_pkey(text);
DROP FUNCTION c2d_private.dblink_get_pkey(text);
ALTER EXTENSION dblink DROP TYPE c2d_private.dblink_pkey_results;
DROP TYPE c2d_private.dblink_pkey_results;

-- One row: how to reach the gateway. It holds a password.
CREATE TABLE c2d_private.callback (conninfo text NOT NULL);

-- Made-up rows: number of the table, number of the owner's part, values in text format. Nothing of anybody's.
CREATE TABLE c2d_private.made_up (table_number integer NOT NULL, part integer NOT NULL, r text[] NOT NULL);

-- Closes the connection to the gateway, if there is one; the gateway then ends what it runs for it.
CREATE FUNCTION c2d_private.hang_up() RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
  SELECT c2d_private.dblink_disconnect('c2d') WHERE 'c2d' = ANY (c2d_private.dblink_get_connections());
  SELECT NULL::void;
END;

-- Calls the gateway back: the request starts a call and gets its rows, or none where it takes longer than a few hundredths
-- of a second, because a call that waits inside libpq ignores cancel and statement_timeout; between two waits they are
-- seen. Whether no rows are the answer is asked for itself. The connection is kept for the session's next call unless this one fails. Errors of the gateway
-- pass through with all their fields.
-- In plpgsql the plans of these statements are made once a session. What a caller may SET must not reach in here:
-- debug_print_plan would print those plans, and with them the password, to the client; array_nulls would read a released
-- NULL as a text. A search_path is set here, so that the caller's comes as an argument.
CREATE FUNCTION c2d_private.call(call text, statement text, args text[], caller_path text, mode text) RETURNS SETOF text[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET client_min_messages = error SET debug_print_parse = off SET debug_print_rewritten = off SET debug_print_plan = off
SET array_nulls = on SET transform_null_equals = off
AS $body$
DECLARE
  since interval := now() - timestamptz '1970-01-01 00:00:00+00';
  query text;
BEGIN
  BEGIN
    IF ('c2d' = ANY (c2d_private.dblink_get_connections())) IS NOT TRUE THEN
      PERFORM c2d_private.dblink_connect('c2d', conninfo) FROM c2d_private.callback;
    END IF;
    query := json_build_object(
      'call', call,
      'pid', pg_backend_pid(),
      'statement', statement,
      'args', args,
      'settings', json_build_object(
        'search_path', caller_path,
        'TimeZone', current_setting('TimeZone'),
        'DateStyle', current_setting('DateStyle'),
        'IntervalStyle', current_setting('IntervalStyle'),
        'now', ((extract(day from since) * 86400 + extract(hour from since) * 3600
                 + extract(minute from since) * 60) * 1000000 + extract(microseconds from since))::bigint::text,
        'c2d.epsilon', coalesce(current_setting('c2d.epsilon', true), ''),
        'c2d.mode', mode))::text;
    LOOP
      RETURN QUERY SELECT t.r FROM c2d_private.dblink('c2d', query) AS t(r text[]);
      EXIT WHEN FOUND OR c2d_private.dblink_exec('c2d', 'state') = 'DONE';
      query := 'wait';
    END LOOP;
  EXCEPTION WHEN query_canceled OR OTHERS THEN
    PERFORM c2d_private.hang_up();
    -- Texts of libpq name places on the gateway's machine.
    IF SQLSTATE = '08001' OR (SQLSTATE = '08006' AND
        SQLERRM ~ '^(server closed the connection|could not (receive|send) data|lost synchronization|no connection to the server)') THEN
      RAISE EXCEPTION USING ERRCODE = '57P03', MESSAGE = 'the gateway does not answer',
        HINT = 'Reconnect and try again.';
    END IF;
    RAISE;
  END;
EXCEPTION WHEN query_canceled OR OTHERS THEN
  -- The postmaster signals a cancel twice (process and group); the second may have
  -- stopped the cleaning up above.
  PERFORM c2d_private.hang_up();
  RAISE;
END
$body$;

-- The session's c2d.mode. Says in mode dummy, with each answer, what it is.
CREATE FUNCTION c2d_private.tell_mode() RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  mode text := coalesce(current_setting('c2d.mode', true), '');
BEGIN
  IF mode = 'dummy' THEN
    RAISE NOTICE 'c2d.mode is dummy: the answer is made up, and nobody is asked'
      USING HINT = 'RESET c2d.mode to ask the owners.';
  END IF;
  RETURN mode;
END
$body$;

-- Bodies in BEGIN ATOMIC are bound to their names when they are made, so
-- that no search_path of a caller changes them, and they see the caller's settings.
CREATE FUNCTION c2d.run(statement text, args text[]) RETURNS SETOF text[]
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
  SELECT r FROM c2d_private.call('run', statement, args, current_setting('search_path'), c2d_private.tell_mode()) AS r;
END;

CREATE FUNCTION c2d.explain(statement text, args text[]) RETURNS SETOF text[]
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
  SELECT r FROM c2d_private.call('explain', statement, args, current_setting('search_path'),
    coalesce(current_setting('c2d.mode', true), '')) AS r;
END;

CREATE FUNCTION c2d.view(name text) RETURNS SETOF text[]
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
  SELECT r FROM c2d_private.call('view', name, NULL, current_setting('search_path'),
    coalesce(current_setting('c2d.mode', true), '')) AS r;
END;

COMMENT ON SCHEMA c2d IS 'Privacy budgets and descriptions of this study';
COMMENT ON FUNCTION c2d.run(text, text[]) IS 'Used by the gateway itself';
COMMENT ON FUNCTION c2d.explain(text, text[]) IS 'Used by the gateway itself';
COMMENT ON FUNCTION c2d.view(text) IS 'Used by the views of this schema';
