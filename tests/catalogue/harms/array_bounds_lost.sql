-- harm: arrays lose their bounds on the way to another type
-- object: shop.arrays.numbers
-- check: values
-- key: id=2
-- needs: needs/arrays.sql
alter table shop.arrays alter column numbers type bigint[] using regexp_replace(numbers::text, '^\[.*\]=', '')::bigint[];
