-- benign: the foreign key goes and comes back as it was
alter table shop.sale drop constraint sale_customer;
alter table shop.sale add constraint sale_customer foreign key (customer_id) references shop.customer (id) on delete restrict;
