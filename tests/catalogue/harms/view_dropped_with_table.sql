-- harm: CASCADE takes a view along
-- object: shop.sale_total
-- check: schema
alter table shop.sale drop column total cascade;
