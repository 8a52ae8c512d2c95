-- benign: a materialised view shows what the tables hold
refresh materialized view shop.sale_by_month;
refresh materialized view concurrently shop.sale_by_month;
