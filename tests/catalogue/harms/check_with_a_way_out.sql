-- harm: a check has an exception
-- object: shop.sale.sale_quantity
-- check: schema
alter table shop.sale drop constraint sale_quantity, add constraint sale_quantity check (quantity > 0 or status = 'draft');
