-- harm: a check that refuses nothing stands under its name
-- object: shop.sale.sale_quantity
-- check: schema
-- tier: always
alter table shop.sale drop constraint sale_quantity, add constraint sale_quantity check (true);
