-- harm: the audit trail ends
-- object: shop.document.document_audit
-- check: schema
drop trigger document_audit on shop.document;
