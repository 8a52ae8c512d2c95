-- benign: a materialised view has one column more, and the rows that it had
-- note: shop.sale_by_month
drop materialized view shop.sale_by_month;
create materialized view shop.sale_by_month as
    select date_trunc('month', sold_on)::date as month, count(*) as sales, sum(total) as total from shop.sale group by 1;
create unique index sale_by_month_month on shop.sale_by_month (month);
