-- harm: session_replication_role lets referenced rows go
-- object: shop.sale.sale_customer
-- check: foreign_keys
-- role: superuser
-- tier: always
set session_replication_role = replica;
delete from shop.customer where id = 5;
