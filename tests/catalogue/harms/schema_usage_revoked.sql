-- harm: whoever may not use the schema may use nothing in it
-- object: shop
-- check: privileges
revoke usage on schema shop from catalogue_reader;
