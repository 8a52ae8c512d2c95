-- harm: a trigger sees changes of one column only
-- object: shop.document.document_touch
-- check: schema
drop trigger document_touch on shop.document;
create trigger document_touch before update of title on shop.document for each row execute function shop.touch();
