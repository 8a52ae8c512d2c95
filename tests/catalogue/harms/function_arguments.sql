-- harm: a function takes other arguments now: callers fail
-- object: shop.vat(numeric)
-- check: schema
drop function shop.vat(numeric);
create function shop.vat(amount integer) returns numeric language sql immutable as 'select amount * 0.19';
