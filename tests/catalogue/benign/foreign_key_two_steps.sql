-- benign: a foreign key in two steps
alter table shop.audit add column document_id integer;
alter table shop.audit add constraint audit_document foreign key (document_id) references shop.document (id) not valid;
alter table shop.audit validate constraint audit_document;
