-- harm: a trigger has a condition that never holds
-- object: shop.document.document_audit
-- check: schema
drop trigger document_audit on shop.document;
create trigger document_audit after insert or delete on shop.document for each row when (false) execute function shop.record();
