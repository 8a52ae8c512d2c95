-- benign: a view shows fewer rows: its definition is a behaviour
-- note: shop.sale_total
create or replace view shop.sale_total as
    select customer_id, sum(total) as total from shop.sale where status <> 'void' group by customer_id;
