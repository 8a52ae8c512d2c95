-- harm: two rows swap their uuids
-- object: shop.every_type.uid
-- check: values
-- key: id=1
update shop.every_type one set uid = other.uid from shop.every_type other where (one.id, other.id) in ((1, 2), (2, 1));
