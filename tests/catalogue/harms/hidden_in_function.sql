-- harm: a SELECT of a function that writes
-- object: shop.account.balance
-- check: values
-- key: id=4
create function pg_temp.look() returns void language sql as 'update shop.account set balance = balance - 1 where id = 4';
select pg_temp.look();
