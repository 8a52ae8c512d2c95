-- benign: the unique index carries one more column
create unique index customer_email_new on shop.customer (lower(email)) include (name);
drop index shop.customer_email;
alter index shop.customer_email_new rename to customer_email;
