-- harm: the same moment in another zone
-- object: shop.every_type.at_zone
-- check: values
-- key: id=1
update shop.every_type set at_zone = '10:00+00' where id = 1;
