-- harm: the column that was made again is filled, but for the row whose value was the empty text
-- object: shop.customer.note
-- check: values
-- key: id=1
alter table shop.customer add column note_new text;
update shop.customer set note_new = note where note <> '';
alter table shop.customer drop column note;
alter table shop.customer rename column note_new to note;
