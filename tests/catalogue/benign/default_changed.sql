-- benign: another default
-- note: shop.customer.active
alter table shop.customer alter active set default false;
