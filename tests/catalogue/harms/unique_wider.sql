-- harm: unique in one more column
-- object: shop.customer.customer_code_key
-- check: schema
alter table shop.customer drop constraint customer_code_key;
alter table shop.customer add constraint customer_code_key unique (code, active);
