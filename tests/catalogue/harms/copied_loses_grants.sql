-- harm: LIKE INCLUDING ALL does not include grants
-- object: shop.customer
-- check: privileges
create table shop.customer_new (like shop.customer including all);
insert into shop.customer_new select * from shop.customer;
drop table shop.customer cascade;
alter table shop.customer_new rename to customer;
