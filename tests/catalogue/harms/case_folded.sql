-- harm: names lose their capitals
-- object: shop.customer.name
-- check: values
-- key: id=2
update shop.customer set name = lower(name);
