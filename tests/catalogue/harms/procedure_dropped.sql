-- harm: a procedure is dropped
-- object: shop.nightly()
-- check: schema
drop procedure shop.nightly();
