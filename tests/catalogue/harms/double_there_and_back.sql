-- harm: through real and back the type is what it was, the digits are not
-- object: shop.customer.score
-- check: values
-- key: id=1
alter table shop.customer alter score type real;
alter table shop.customer alter score type double precision;
