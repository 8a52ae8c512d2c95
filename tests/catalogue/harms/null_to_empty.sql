-- harm: NULL becomes the empty text
-- object: shop.customer.note
-- check: values
-- key: id=4
-- tier: always
update shop.customer set note = coalesce(note, '') where id in (4, 8);
