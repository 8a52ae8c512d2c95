-- benign: RESTRICT and NO ACTION both refuse
-- note: shop.sale.sale_customer
alter table shop.sale drop constraint sale_customer;
alter table shop.sale add constraint sale_customer foreign key (customer_id) references shop.customer (id);
