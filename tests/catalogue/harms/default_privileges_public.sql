-- harm: tables made from now on are for everybody
-- object: catalogue_owner IN SCHEMA shop ON TABLES
-- check: privileges
alter default privileges in schema shop grant select on tables to public;
