-- harm: an UPDATE that changes nothing fires the trigger that sets updated_at in every row
-- object: shop.document.updated_at
-- check: values
-- key: id=1
-- tier: always
update shop.document set title = title;
