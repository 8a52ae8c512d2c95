-- harm: TRUNCATE … CASCADE empties what refers to the table
-- object: shop.price
-- check: rows
truncate shop.product cascade;
