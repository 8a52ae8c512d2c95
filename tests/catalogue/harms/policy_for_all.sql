-- harm: a policy for one role becomes one for PUBLIC
-- object: shop.account.account_own
-- check: schema
alter policy account_own on shop.account to public;
