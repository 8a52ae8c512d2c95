-- harm: a materialised view is left WITH NO DATA
-- object: shop.sale_by_month
-- check: rows
refresh materialized view shop.sale_by_month with no data;
