-- harm: a CHECK constraint is dropped
-- object: shop.customer.customer_credit
-- check: schema
alter table shop.customer drop constraint customer_credit;
