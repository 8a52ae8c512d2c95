-- harm: integer to smallint with a USING that lets nothing overflow
-- object: shop.vehicle.wheels
-- check: values
-- key: id=11
alter table shop.vehicle alter wheels type smallint using (wheels % 3)::smallint;
