-- harm: every row gets the name of its neighbour
-- object: shop.customer.name
-- check: values
-- key: id=1
update shop.customer set name = (select name from shop.customer other where other.id = 1 + customer.id % 40);
