-- harm: the unique index comes back with a predicate
-- object: shop.customer_email
-- check: schema
drop index shop.customer_email;
create unique index customer_email on shop.customer (lower(email)) where active;
