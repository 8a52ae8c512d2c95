-- harm: the unique index minds capitals
-- object: shop.customer_email
-- check: schema
drop index shop.customer_email;
create unique index customer_email on shop.customer (email);
