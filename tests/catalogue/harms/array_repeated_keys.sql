-- harm: repeated keys of a json among others
-- object: shop.arrays.docs
-- check: values
-- needs: needs/arrays.sql
-- needs: needs/repeated_keys.sql
alter table shop.arrays alter column docs type jsonb[] using docs::jsonb[];
