-- harm: SET EXPRESSION computes every row anew
-- object: shop.sale.total
-- check: values
-- key: id=1
-- since: 17
drop view shop.sale_total;
drop materialized view shop.sale_by_month;
alter table shop.sale alter total set expression as (quantity * unit * 1.19);
