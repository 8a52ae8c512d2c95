-- harm: a CHECK comes back NOT VALID
-- object: shop.customer.customer_credit
-- check: schema
alter table shop.customer drop constraint customer_credit;
alter table shop.customer add constraint customer_credit check (credit >= 0) not valid;
