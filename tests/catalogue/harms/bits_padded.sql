-- harm: no bit and one bit
-- object: shop.every_type.bits
-- check: values
-- key: id=1
update shop.every_type set bits = b'0' where id = 1;
