-- harm: a point loses the sign of its zero
-- object: shop.every_type.spot
-- check: values
-- key: id=1
update shop.every_type set spot = '(0,0)' where id = 1;
