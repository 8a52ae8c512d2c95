-- harm: a column leaves its domain for the type below it: the domain's check does not hold for it any more
-- object: shop.customer.discount
-- check: schema
alter table shop.customer alter discount type numeric(5, 2);
