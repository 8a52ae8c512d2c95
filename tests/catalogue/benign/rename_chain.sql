-- benign: names pass from one to the next; nobody keeps the first
-- note: shop.customer.email
alter table shop.customer rename column email to mail;
alter table shop.customer rename column mail to post;
alter table shop.customer rename column post to address;
