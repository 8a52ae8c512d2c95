-- benign: integer to double precision
-- note: shop.building.floors
alter table shop.building alter floors type double precision;
