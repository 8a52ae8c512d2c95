-- harm: a schema is dropped
-- object: scratch
-- check: schema
drop schema scratch;
