-- harm: a SELECT whose WITH writes
-- object: shop.account.balance
-- check: values
-- key: id=4
with gone as (update shop.account set balance = 0 where id = 4 returning id) select count(*) from gone;
