-- harm: LIKE INCLUDING ALL does not include policies
-- object: shop.account.account_own
-- check: schema
create table shop.account_new (like shop.account including all);
insert into shop.account_new select * from shop.account;
drop table shop.account;
alter table shop.account_new rename to account;
alter table shop.account enable row level security, force row level security;
