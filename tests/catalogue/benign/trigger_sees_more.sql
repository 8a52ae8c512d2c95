-- benign: a trigger sees changes, too
-- note: shop.document.document_audit
drop trigger document_audit on shop.document;
create trigger document_audit after insert or update or delete on shop.document for each row execute function shop.record();
