-- benign: a materialised view over fewer sales
-- note: shop.sale_by_month
drop materialized view shop.sale_by_month;
create materialized view shop.sale_by_month as
    select date_trunc('month', sold_on)::date as month, sum(total) as total from shop.sale where status = 'paid' group by 1;
create unique index sale_by_month_month on shop.sale_by_month (month);
