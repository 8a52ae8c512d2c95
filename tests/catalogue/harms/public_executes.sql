-- harm: everybody may call a function that runs with its owner's rights
-- object: shop.my_balance(integer)
-- check: privileges
grant execute on function shop.my_balance(integer) to public;
