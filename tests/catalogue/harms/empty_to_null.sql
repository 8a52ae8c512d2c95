-- harm: the empty text becomes NULL
-- object: shop.customer.note
-- check: values
-- key: id=1
update shop.customer set note = nullif(note, '');
