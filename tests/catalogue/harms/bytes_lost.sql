-- harm: a zero byte is content
-- object: shop.every_type.raw
-- check: values
-- key: id=1
update shop.every_type set raw = '' where id = 1;
