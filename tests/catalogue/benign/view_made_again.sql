-- benign: a view goes and comes back as it was
drop view shop.sale_total;
create view shop.sale_total as select customer_id, sum(total) as total from shop.sale group by customer_id;
grant select on shop.sale_total to catalogue_reader;
