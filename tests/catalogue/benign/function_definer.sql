-- benign: a function runs with its caller's rights now
-- note: shop.my_balance(integer)
alter function shop.my_balance(integer) security invoker;
