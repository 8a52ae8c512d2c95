-- harm: the copy's identity begins at 1 again
-- object: shop.document_id_seq
-- check: sequences
create table shop.document_new (like shop.document including all);
insert into shop.document_new overriding system value select * from shop.document;
drop table shop.document;
alter table shop.document_new rename to document;
