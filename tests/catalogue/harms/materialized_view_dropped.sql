-- harm: a materialised view is dropped
-- object: shop.sale_by_month
-- check: schema
drop materialized view shop.sale_by_month;
