-- harm: blanks at the ends are content
-- object: shop.customer.note
-- check: values
-- key: id=2
update shop.customer set note = trim(note);
