-- harm: LIKE INCLUDING ALL does not include triggers
-- object: shop.document.document_touch
-- check: schema
create table shop.document_new (like shop.document including all);
insert into shop.document_new overriding system value select * from shop.document;
drop table shop.document;
alter table shop.document_new rename to document;
select setval(pg_get_serial_sequence('shop.document', 'id'), 10);
