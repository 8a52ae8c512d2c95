-- harm: a month becomes thirty days, which interval takes for equal
-- object: shop.every_type.gap
-- check: values
-- key: id=1
-- tier: always
update shop.every_type set gap = '30 days' where id = 1;
