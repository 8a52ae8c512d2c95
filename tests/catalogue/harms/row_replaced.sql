-- harm: one row goes, one comes: the count stays
-- object: shop.account
-- check: rows
-- key: id=10
-- tier: always
delete from shop.account where id = 10;
insert into shop.account values (11, 'catalogue_reader', 100);
