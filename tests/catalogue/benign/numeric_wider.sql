-- benign: more digits on both sides
-- note: shop.price.amount
alter table shop.price alter amount type numeric(16, 4);
