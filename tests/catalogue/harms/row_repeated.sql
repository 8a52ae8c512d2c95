-- harm: one row of a table without key comes once more
-- object: shop.log
-- check: rows
insert into shop.log select * from shop.log where line = 'same line 6' limit 1;
