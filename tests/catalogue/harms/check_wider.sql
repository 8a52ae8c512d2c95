-- harm: a check allows more numbers
-- object: shop.customer.customer_credit
-- check: schema
alter table shop.customer drop constraint customer_credit, add constraint customer_credit check (credit >= -1000000);
