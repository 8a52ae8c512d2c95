-- harm: a function is dropped
-- object: shop.vat(numeric)
-- check: schema
drop function shop.vat(numeric);
