-- harm: an array of numbers with fewer digits
-- object: shop.arrays.amounts
-- check: values
-- key: id=1
-- needs: needs/arrays.sql
alter table shop.arrays alter column amounts type numeric(10, 0)[];
