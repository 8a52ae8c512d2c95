-- harm: the owner sees all rows
-- object: shop.account
-- check: schema
alter table shop.account no force row level security;
