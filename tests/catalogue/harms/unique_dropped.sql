-- harm: a unique constraint is dropped
-- object: shop.sale.sale_reference_key
-- check: schema
alter table shop.sale drop constraint sale_reference_key;
