-- harm: an explicit cast to varchar(n) cuts without an error
-- object: shop.customer.note
-- check: values
-- key: id=3
update shop.customer set note = note::varchar(4);
