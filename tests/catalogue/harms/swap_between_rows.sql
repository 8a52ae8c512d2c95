-- harm: two rows swap a value; every count and every multiset of values stays
-- object: shop.customer.name
-- check: values
-- key: id=2
-- tier: always
update shop.customer one set name = other.name from shop.customer other where (one.id, other.id) in ((1, 2), (2, 1));
