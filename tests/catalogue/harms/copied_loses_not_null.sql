-- harm: CREATE TABLE AS and a rename: NOT NULL is gone
-- object: shop.account.owner_name
-- check: schema
create table shop.account_new as select * from shop.account;
drop table shop.account;
alter table shop.account_new rename to account;
