-- harm: within an address the empty town becomes an unknown one
-- object: shop.customer.home
-- check: values
-- key: id=2
update shop.customer set home.town = null where id = 2;
