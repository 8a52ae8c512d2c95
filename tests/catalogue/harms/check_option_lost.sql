-- harm: a view is replaced, without its check option
-- object: shop.active_customer
-- check: schema
create or replace view shop.active_customer with (security_barrier = true) as
    select id, name, email from shop.customer where active;
