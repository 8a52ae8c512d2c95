-- benign: each real is a double as well
-- note: shop.every_type.half
alter table shop.every_type alter half type double precision;
