-- benign: a function that runs with its owner's rights loses its search path: listed, as each change of a function
-- note: shop.my_balance(integer)
-- tier: always
alter function shop.my_balance(integer) reset search_path;
