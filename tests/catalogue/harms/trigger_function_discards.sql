-- harm: the function of a trigger leaves each change out
-- object: shop.document.document_touch
-- check: schema
create or replace function shop.touch() returns trigger language plpgsql as $$ begin return null; end $$;
