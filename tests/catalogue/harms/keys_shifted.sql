-- harm: all keys move by one; all but the ends find another row's values
-- object: shop.account.owner_name
-- check: values
-- key: id=5
begin;
update shop.account set id = -id - 1;
update shop.account set id = -id;
commit;
