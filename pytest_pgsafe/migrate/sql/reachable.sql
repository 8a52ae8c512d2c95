-- What leads out of a database: foreign servers, user mappings, subscriptions, scheduled jobs. One row each.
select 'server' as kind, s.srvname::text as name, w.fdwname::text as wrapper, '' as role,
       array(select split_part(o, '=', 1) from unnest(s.srvoptions) as o) as options
  from pg_catalog.pg_foreign_server as s
  join pg_catalog.pg_foreign_data_wrapper as w on w.oid = s.srvfdw
 union all
select 'mapping', m.srvname, w.fdwname, m.usename, array(select split_part(o, '=', 1) from unnest(m.umoptions) as o)
  from pg_catalog.pg_user_mappings as m
  join pg_catalog.pg_foreign_server as s on s.oid = m.srvid
  join pg_catalog.pg_foreign_data_wrapper as w on w.oid = s.srvfdw
 union all
select 'subscription', u.subname, '', '', array[]::text[]
  from pg_catalog.pg_subscription as u
  join pg_catalog.pg_database as d on d.oid = u.subdbid
 where d.datname = current_database()
 union all
select 'jobs', n.nspname || '.' || c.relname, '', '', array[]::text[]
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
 where (n.nspname, c.relname) in (('cron', 'job'), ('pgagent', 'pga_job')) and c.relkind = 'r'
 union all
-- The user's own event triggers, which would fire for what is done about the others.
select 'event trigger', e.evtname, e.evtenabled::text, '', array[]::text[]
  from pg_catalog.pg_event_trigger as e
 where e.evtenabled in ('A', 'R')
 order by 1, 2, 4
