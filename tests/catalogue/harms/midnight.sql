-- harm: 24:00 becomes 00:00
-- object: shop.every_type.at
-- check: values
-- key: id=1
update shop.every_type set at = '00:00' where id = 1;
