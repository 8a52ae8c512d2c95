-- harm: floats of a table without key lose digits
-- object: shop.reading
-- check: rows
update shop.reading set exact = exact::real;
