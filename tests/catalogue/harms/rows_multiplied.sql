-- harm: a table without key is inserted into itself
-- object: shop.log
-- check: rows
insert into shop.log select * from shop.log;
