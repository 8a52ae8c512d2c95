-- harm: one credit is forgotten
-- object: shop.customer.credit
-- check: values
-- key: id=17
update shop.customer set credit = null where id = 17;
