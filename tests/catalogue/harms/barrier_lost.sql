-- harm: a view is made again without security_barrier
-- object: shop.active_customer
-- check: schema
alter view shop.active_customer reset (security_barrier);
