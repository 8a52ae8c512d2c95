-- benign: the exact digits of each float
-- note: shop.every_type.half
alter table shop.every_type alter half type double precision using half::text::double precision;
