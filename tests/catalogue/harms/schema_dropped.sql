-- harm: a schema goes with all that is in it
-- object: archive
-- check: schema
drop schema archive cascade;
