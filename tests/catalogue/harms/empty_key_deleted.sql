-- harm: the row whose key is the empty text
-- object: shop.setting
-- check: rows
-- key: key=
delete from shop.setting where key = '';
