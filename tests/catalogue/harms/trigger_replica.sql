-- harm: the trigger fires on replicas only
-- object: shop.document.document_audit
-- check: schema
alter table shop.document enable replica trigger document_audit;
