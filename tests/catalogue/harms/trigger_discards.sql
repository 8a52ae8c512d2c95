-- harm: a trigger leaves each new row out
-- object: shop.sale.sale_swallow
-- check: schema
create function shop.swallow() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger sale_swallow before insert on shop.sale for each row execute function shop.swallow();
