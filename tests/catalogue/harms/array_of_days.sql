-- harm: an array of times loses the time of day
-- object: shop.arrays.times
-- check: values
-- key: id=1
-- needs: needs/arrays.sql
alter table shop.arrays alter column times type date[];
