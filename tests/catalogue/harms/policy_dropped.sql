-- harm: a restrictive policy is dropped
-- object: shop.account.account_limit
-- check: schema
drop policy account_limit on shop.account;
