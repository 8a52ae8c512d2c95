-- harm: a table without its rows stands where a materialised view was
-- object: shop.sale_by_month
-- check: rows
drop materialized view shop.sale_by_month;
create table shop.sale_by_month (month date primary key, total numeric);
insert into shop.sale_by_month
    select date_trunc('month', sold_on)::date, sum(total) from shop.sale where sold_on > '2024-02-01' group by 1;
