-- harm: a restrictive policy comes back permissive: it widens what it narrowed
-- object: shop.account.account_limit
-- check: schema
drop policy account_limit on shop.account;
create policy account_limit on shop.account for select to catalogue_reader using (balance < 1000000);
