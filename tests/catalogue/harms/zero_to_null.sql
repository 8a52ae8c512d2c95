-- harm: no credit and an unknown one are not the same
-- object: shop.customer.credit
-- check: values
-- key: id=5
update shop.customer set credit = nullif(credit, 0);
