-- The event triggers first: then dropping the rest is not observed.
drop event trigger if exists pgsafe_start, pgsafe_end, pgsafe_rewrite, pgsafe_drop;
drop schema if exists pgsafe_observer cascade;
