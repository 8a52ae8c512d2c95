-- benign: numeric without a bound
-- note: shop.price.amount
alter table shop.price alter amount type numeric;
