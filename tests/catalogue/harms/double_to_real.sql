-- harm: half the digits go
-- object: shop.customer.score
-- check: values
-- key: id=1
alter table shop.customer alter score type real;
