-- harm: a column with values is dropped
-- object: shop.customer.discount
-- check: values
-- tier: always
alter table shop.customer drop column discount;
