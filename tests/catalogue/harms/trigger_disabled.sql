-- harm: the audit trail pauses for ever
-- object: shop.document.document_audit
-- check: schema
-- tier: always
alter table shop.document disable trigger document_audit;
