-- harm: LIKE INCLUDING ALL does not include row security
-- object: shop.account
-- check: schema
create table shop.account_new (like shop.account including all);
insert into shop.account_new select * from shop.account;
drop table shop.account;
alter table shop.account_new rename to account;
