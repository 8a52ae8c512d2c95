-- harm: a foreign key is dropped
-- object: shop.sale.sale_product
-- check: schema
-- tier: always
alter table shop.sale drop constraint sale_product;
