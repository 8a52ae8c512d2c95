-- harm: a column is dropped and added under its name
-- object: shop.customer.note
-- check: values
-- tier: always
alter table shop.customer drop column note;
alter table shop.customer add column note text;
