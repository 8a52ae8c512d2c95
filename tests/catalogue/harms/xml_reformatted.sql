-- harm: an empty element is written otherwise
-- object: shop.document.body
-- check: values
-- key: id=3
begin;
alter table shop.document disable trigger document_touch;
update shop.document set body = '<a n="3"></a>'::xml where id = 3;
alter table shop.document enable trigger document_touch;
commit;
