-- harm: tables made from now on are not for the reader
-- object: catalogue_owner IN SCHEMA shop ON TABLES
-- check: privileges
alter default privileges in schema shop revoke select on tables from catalogue_reader;
