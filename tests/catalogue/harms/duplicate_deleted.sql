-- harm: one of two equal rows of a table without key
-- object: shop.log
-- check: rows
-- tier: always
delete from shop.log where ctid = (select max(ctid) from shop.log where line = 'same line 5');
