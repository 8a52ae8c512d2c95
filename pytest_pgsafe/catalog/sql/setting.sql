-- Settings of the server that change what a statement does or means, as a new session of the database gets them.
-- Settings of resources, paths, logging and network are none; by category, and where it cannot say, by name.
with mine as (
    -- What hides the server's own value from this session; ALTER ROLE ALL SET is the server's own.
    select
        pg_catalog.lower(pg_catalog.split_part(given.setting, '=', 1)) as name,
        pg_catalog.bool_or(s.setrole = 0) as of_database
    from pg_catalog.pg_db_role_setting s
    cross join lateral pg_catalog.unnest(s.setconfig) as given (setting)
    where s.setdatabase in (
            0, (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
        )
        and s.setrole in (0, (select r.oid from pg_catalog.pg_roles r where r.rolname = session_user))
        and not (s.setdatabase = 0 and s.setrole = 0)
    group by 1
)
select
    s.name,
    -- What ALTER DATABASE sets is the database's; what is set for the role that reads hides the server's from it.
    case when m.name is null then s.reset_val end as value,
    s.reset_val is not distinct from case s.name
        when 'client_encoding' then pg_catalog.current_setting('server_encoding')
        when 'TimeZone' then case when s.reset_val in ('UTC', 'Etc/UTC') then s.reset_val else s.boot_val end
        when 'timezone_abbreviations' then 'Default'
        else s.boot_val
    end as usual
from pg_catalog.pg_settings s
left join mine m on m.name = pg_catalog.lower(s.name)
where not coalesce(m.of_database, false)
    and (
        s.context in ('user', 'superuser') and (
            s.category in (
                'Client Connection Defaults / Statement Behavior',
                'Client Connection Defaults / Locale and Formatting',
                'Client Connection Defaults / Other Defaults',
                'Version and Platform Compatibility / Previous PostgreSQL Versions',
                'Version and Platform Compatibility / Other Platforms and Clients'
            )
            and s.name not in (
                -- Of the transaction; resources and paths; what is printed, and what ends sessions that do nothing.
                'transaction_deferrable', 'transaction_isolation', 'transaction_read_only',
                'dynamic_library_path', 'extension_control_path', 'gin_pending_list_limit', 'temp_tablespaces',
                'synchronize_seqscans', 'client_min_messages', 'lc_messages', 'idle_session_timeout'
            )
            and s.name not like 'vacuum\_%'
            or s.category = 'Customized Options'
            or s.name in (
                'allow_in_place_tablespaces', 'allow_system_table_mods', 'exit_on_error', 'ignore_checksum_failure',
                'password_encryption', 'session_preload_libraries', 'local_preload_libraries', 'zero_damaged_pages'
            )
        )
        -- Of the server alone: it starts with them.
        or s.name in ('max_prepared_transactions', 'track_commit_timestamp')
    )
order by s.name collate "C";
