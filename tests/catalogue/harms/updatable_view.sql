-- harm: an UPDATE through a view
-- object: shop.customer.name
-- check: values
-- key: id=2
update shop.active_customer set name = 'nobody' where id = 2;
