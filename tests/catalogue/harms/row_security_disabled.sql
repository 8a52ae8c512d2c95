-- harm: readers see all rows
-- object: shop.account
-- check: schema
-- tier: always
alter table shop.account disable row level security;
