-- harm: CREATE TABLE AS and a rename: the key is gone
-- object: shop.price.price_pkey
-- check: schema
create table shop.price_new as select * from shop.price;
drop table shop.price;
alter table shop.price_new rename to price;
