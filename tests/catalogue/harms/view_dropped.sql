-- harm: a view is dropped
-- object: shop.active_customer
-- check: schema
drop view shop.active_customer;
