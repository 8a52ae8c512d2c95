-- harm: an UPDATE of the parent reaches the children
-- object: shop.vehicle.worth
-- check: values
-- key: id=12
update shop.asset set worth = 0 where id = 12;
