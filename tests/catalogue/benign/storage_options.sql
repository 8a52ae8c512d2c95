-- benign: fillfactor and autovacuum
-- note: shop.customer
alter table shop.customer set (fillfactor = 70, autovacuum_enabled = false);
