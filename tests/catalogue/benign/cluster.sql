-- benign: rows in another physical order
-- tier: always
cluster shop.sale using sale_customer_id;
alter table shop.sale set without cluster;
