-- harm: 1.0 becomes 1, which jsonb takes for equal
-- object: shop.customer.doc
-- check: values
-- key: id=4
update shop.customer set doc = jsonb_set(doc, '{x}', '1') where doc ? 'x';
