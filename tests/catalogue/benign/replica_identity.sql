-- benign: subscribers get whole rows
-- note: shop.customer
alter table shop.customer replica identity full;
