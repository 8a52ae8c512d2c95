-- harm: only the second half is rolled back
-- object: shop.account.balance
-- check: values
-- key: id=3
begin;
update shop.account set balance = 1 where id = 3;
savepoint half;
update shop.account set balance = 30 where id = 3;
rollback to half;
commit;
