-- harm: a materialised view is made again over a condition that no row fulfils
-- object: shop.sale_by_month
-- check: rows
drop materialized view shop.sale_by_month;
create materialized view shop.sale_by_month as
    select date_trunc('month', sold_on)::date as month, sum(total) as total from shop.sale where customer_id = 0 group by 1;
create unique index sale_by_month_month on shop.sale_by_month (month);
