-- benign: an index that keeps nothing unique, over more
-- note: shop.sale_customer_id
drop index shop.sale_customer_id;
create index sale_customer_id on shop.sale (customer_id, sold_on);
