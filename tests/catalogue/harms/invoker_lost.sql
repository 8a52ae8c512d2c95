-- harm: a view runs with its owner's rights again
-- object: shop.invoked
-- check: schema
-- since: 15
alter view shop.invoked reset (security_invoker);
