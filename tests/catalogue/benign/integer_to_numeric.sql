-- benign: integer to numeric
-- note: shop.vehicle.wheels
alter table shop.vehicle alter wheels type numeric(6, 1);
