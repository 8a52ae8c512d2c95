-- harm: CASCADE takes the trigger along
-- object: shop.document.document_audit
-- check: schema
drop function shop.record() cascade;
