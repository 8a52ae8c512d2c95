-- harm: the policy calls a function now that says yes
-- object: shop.account.account_own
-- check: schema
create function shop.mine(name text) returns boolean language sql stable as 'select true';
alter policy account_own on shop.account using (shop.mine(owner_name));
