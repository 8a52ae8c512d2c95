-- harm: everybody may use the schema
-- object: shop
-- check: privileges
grant usage on schema shop to public;
