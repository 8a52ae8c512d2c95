-- harm: a function that is made again has lost its grants
-- object: shop.my_balance(integer)
-- check: privileges
drop function shop.my_balance(integer);
create function shop.my_balance(account integer) returns numeric language sql stable security definer
    set search_path = pg_catalog, shop as 'select balance from shop.account where id = $1';
