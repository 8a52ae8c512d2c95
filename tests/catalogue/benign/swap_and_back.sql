-- benign: values change places twice
update shop.customer one set name = other.name from shop.customer other where (one.id, other.id) in ((1, 2), (2, 1));
update shop.customer one set name = other.name from shop.customer other where (one.id, other.id) in ((1, 2), (2, 1));
