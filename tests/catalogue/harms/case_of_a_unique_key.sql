-- harm: the unique index on lower(email) does not mind
-- object: shop.customer.email
-- check: values
-- key: id=3
update shop.customer set email = upper(email) where id = 3;
