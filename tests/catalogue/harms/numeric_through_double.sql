-- harm: a number of 22 digits keeps 15
-- object: shop.every_type.big
-- check: values
-- key: id=1
update shop.every_type set big = big::double precision::numeric where id = 1;
