-- harm: -0 becomes 0
-- object: shop.reading
-- check: rows
update shop.reading set exact = 0 where exact = 0;
