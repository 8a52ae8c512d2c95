-- harm: a function reads a table by the name that it had
-- object: shop.my_balance(integer)
-- check: works
alter table shop.account rename to ledger;
