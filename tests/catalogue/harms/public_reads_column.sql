-- harm: everybody reads one column
-- object: shop.customer.email
-- check: privileges
grant select (email) on shop.customer to public;
