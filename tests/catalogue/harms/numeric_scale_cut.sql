-- harm: ALTER TYPE rounds to two digits
-- object: shop.customer.credit
-- check: values
-- key: id=1
-- tier: always
alter table shop.customer alter credit type numeric(12, 2);
