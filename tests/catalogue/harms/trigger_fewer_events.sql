-- harm: a trigger does not see rows go any more
-- object: shop.document.document_audit
-- check: schema
drop trigger document_audit on shop.document;
create trigger document_audit after insert on shop.document for each row execute function shop.record();
