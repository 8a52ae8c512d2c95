-- harm: two columns exchange their names
-- object: shop.customer.note
-- check: values
alter table shop.customer rename column name to tmp;
alter table shop.customer rename column note to name;
alter table shop.customer rename column tmp to note;
