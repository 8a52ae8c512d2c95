-- harm: one repetition less here, one more there
-- object: shop.log
-- check: rows
delete from shop.log where ctid = (select max(ctid) from shop.log where line = 'same line 5');
insert into shop.log select * from shop.log where line = 'same line 6' limit 1;
