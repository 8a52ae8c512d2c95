-- harm: a bound becomes inclusive
-- object: shop.every_type.spans
-- check: values
-- key: id=1
update shop.every_type set spans = '[1.5,2.5]' where id = 1;
