-- benign: the function of a trigger does otherwise
-- note: shop.record()
create or replace function shop.record() returns trigger language plpgsql as $$ begin return null; end $$;
