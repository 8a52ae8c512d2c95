-- harm: a line break becomes a blank
-- object: shop.customer.name
-- check: values
-- key: id=7
update shop.customer set name = replace(name, e'\n', ' ');
