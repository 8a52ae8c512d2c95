-- harm: a quantity becomes a yes
-- object: shop.vehicle.wheels
-- check: values
-- key: id=11
alter table shop.vehicle alter wheels type boolean using wheels <> 0;
