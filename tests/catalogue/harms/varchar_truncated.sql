-- harm: USING cuts the long notes
-- object: shop.customer.note
-- check: values
alter table shop.customer alter note type varchar(5) using left(note, 5);
