-- benign: a new index, then the old one goes, then the name
create unique index concurrently customer_email_new on shop.customer (lower(email));
drop index concurrently shop.customer_email;
alter index shop.customer_email_new rename to customer_email;
