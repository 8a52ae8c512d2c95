-- harm: the generated column is made again with another expression
-- object: shop.sale.total
-- check: values
-- key: id=1
drop view shop.sale_total;
drop materialized view shop.sale_by_month;
alter table shop.sale drop column total, add column total numeric generated always as (quantity * unit * 1.19) stored;
