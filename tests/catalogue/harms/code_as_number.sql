-- harm: leading zeros are lost
-- object: shop.customer.code
-- check: values
-- key: id=1
alter table shop.customer alter code type integer using substr(code, 2)::integer;
