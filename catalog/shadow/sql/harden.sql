-- Everything that an analyst must not reach. Only analysts of one profile have roles here, so PUBLIC is
-- the analysts, and DROP OWNED by one of them changes nothing.
REVOKE ALL ON SCHEMA c2d_private FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA c2d_private FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public, c2d TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA c2d TO PUBLIC;
REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC;

DO $harden$
DECLARE
  pattern text;
  f regprocedure;
  n integer;
BEGIN
  FOREACH pattern IN ARRAY ARRAY[
    '_to_xml',                              -- run texts, or skip tables without SELECT in silence
    '^ts_stat$', '^ts_rewrite$',            -- run texts
    '^lo_', '^loread$', '^lowrite$',              -- large objects
    '^pg_notify$', '^pg_listening_channels$', '^pg_notification_queue_usage$',
    '^pg_(try_)?advisory_(xact_)?lock',     -- unlock stays: connection pools call it
    '^pg_advisory_unlock(_shared)?$',
    '^pg_read_', '^pg_ls_', '^pg_stat_file$', '^pg_file_', '^pg_current_logfile$',
    '^pg_stat_get_(activity|wal_senders|wal_receiver|progress_info|subscription|replication_slot)$',
    '^pg_stat_get_backend_', '^pg_lock_status$', '^pg_prepared_xact$',
    '^pg_(blocking_pids|safe_snapshot_blocking_pids)$',
    '^pg_logical_emit_message$', '^pg_export_snapshot$', '^pg_get_backend_memory_contexts$',
    '^pg_log_backend_memory_contexts$', '^pg_(cancel|terminate)_backend$',
    '^(pg_create_|pg_copy_|pg_drop_).*replication_slot$', '^pg_logical_slot_', '^pg_replication_',
    '^pg_(control|config$|hba_file_rules|ident_file_mappings|show_all_file_settings)',
    '^pg_relation_filepath$',
    '^pg_stat_get_(db_|wal$|archiver$|bgwriter_|buf_|checkpoint|slru$|subscription_stats$)',   -- how busy others are
    '^pg_isolation_test_', '^pg_get_(replication_slots|wal_)', '^pg_current_wal_',
    '^binary_upgrade_', '^pg_import_system_collations$', '^pg_nextoid$', '^pg_stop_making_pinned_objects$',
    '^(brin_(de)?summarize|gin_clean_pending)', '^pg_rotate_logfile'
  ] LOOP
    n := 0;
    FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ pattern LOOP
      EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', f);
      n := n + 1;
    END LOOP;
    -- Names that some versions lack end in a wildcard of several; each pattern must match.
    IF n = 0 AND pattern NOT IN ('^pg_file_', '^pg_isolation_test_') THEN
      RAISE EXCEPTION 'no function matches %', pattern;
    END IF;
  END LOOP;
END
$harden$;

-- ts_rewrite without a text to run is harmless.
GRANT EXECUTE ON FUNCTION pg_catalog.ts_rewrite(tsquery, tsquery, tsquery) TO PUBLIC;

DO $harden$
DECLARE
  v regclass;
BEGIN
  FOR v IN SELECT oid FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relname ~
    '^(pg_stats|pg_stats_ext|pg_stats_ext_exprs|pg_stat_activity|pg_stat_ssl|pg_stat_gssapi|pg_stat_replication|pg_stat_progress_.*|pg_stat_wal_receiver|pg_stat_database|pg_stat_database_conflicts|pg_stat_wal|pg_stat_archiver|pg_stat_bgwriter|pg_stat_slru|pg_stat_io|pg_stat_checkpointer|pg_stat_subscription_stats|pg_stat_replication_slots|pg_replication_slots|pg_stat_recovery_prefetch|pg_locks|pg_prepared_xacts|pg_config|pg_file_settings|pg_hba_file_rules|pg_ident_file_mappings|pg_shmem_allocations|pg_backend_memory_contexts)$'
  LOOP
    EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC', v);
  END LOOP;
END
$harden$;
