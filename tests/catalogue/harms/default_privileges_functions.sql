-- harm: functions made from now on are for everybody again
-- object: catalogue_owner ON FUNCTIONS
-- check: privileges
alter default privileges grant execute on functions to public;
