-- harm: DISABLE TRIGGER USER, and never enabled again
-- object: shop.document.document_touch
-- check: schema
alter table shop.document disable trigger user;
