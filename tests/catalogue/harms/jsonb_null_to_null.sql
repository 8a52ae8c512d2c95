-- harm: JSON's null becomes SQL's
-- object: shop.customer.doc
-- check: values
-- key: id=3
update shop.customer set doc = nullif(doc, 'null');
