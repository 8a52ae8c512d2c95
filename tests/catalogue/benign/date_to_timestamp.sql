-- benign: midnight says the same day
-- note: shop.customer.born
alter table shop.customer alter born type timestamp without time zone;
