-- harm: everybody reads the accounts
-- object: shop.account
-- check: privileges
-- tier: always
grant select on shop.account to public;
