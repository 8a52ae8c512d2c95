-- benign: a view shows one more column
-- note: shop.active_customer
create or replace view shop.active_customer with (security_barrier = true) as
    select id, name, email, mood from shop.customer where active with check option;
