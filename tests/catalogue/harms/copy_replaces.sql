-- harm: COPY brings an older state of the rows
-- object: shop.reservation.guest
-- check: values
-- key: id=2
begin;
delete from shop.reservation where id < 3;
copy shop.reservation from stdin;
1	[1,5)	Ann
2	[5,9)	Ben
\.
commit;
