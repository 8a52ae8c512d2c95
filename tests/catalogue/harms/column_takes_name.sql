-- harm: a column is dropped and another one takes its name
-- object: shop.customer.email
-- check: values
alter table shop.customer drop column email cascade;
alter table shop.customer rename column note to email;
