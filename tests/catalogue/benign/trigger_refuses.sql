-- benign: a trigger refuses some rows
-- note: shop.sale.sale_refuse
create function shop.refuse() returns trigger language plpgsql as
    $$ begin if new.quantity > 1000 then return null; end if; return new; end $$;
create trigger sale_refuse before insert on shop.sale for each row execute function shop.refuse();
