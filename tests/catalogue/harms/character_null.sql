-- harm: NULL becomes a padded blank
-- object: shop.customer.pad
-- check: values
-- key: id=3
update shop.customer set pad = ' ' where pad is null;
