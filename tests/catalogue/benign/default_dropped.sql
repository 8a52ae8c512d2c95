-- benign: no default
-- note: shop.event.kind
alter table shop.event alter kind drop default;
