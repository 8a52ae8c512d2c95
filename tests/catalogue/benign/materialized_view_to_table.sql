-- benign: a table with all its rows stands where a materialised view was
-- note: shop.sale_by_month
drop materialized view shop.sale_by_month;
create table shop.sale_by_month (month date primary key, total numeric);
insert into shop.sale_by_month select date_trunc('month', sold_on)::date, sum(total) from shop.sale group by 1;
