-- harm: the unique index comes back without UNIQUE
-- object: shop.customer_email
-- check: schema
-- tier: always
drop index shop.customer_email;
create index customer_email on shop.customer (lower(email));
