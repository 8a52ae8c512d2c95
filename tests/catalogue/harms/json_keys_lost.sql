-- harm: jsonb keeps the last of repeated keys
-- object: shop.customer.raw
-- check: values
alter table shop.customer alter raw type jsonb;
