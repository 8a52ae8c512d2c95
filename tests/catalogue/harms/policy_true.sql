-- harm: a policy is widened to all rows
-- object: shop.account.account_own
-- check: schema
alter policy account_own on shop.account using (true);
