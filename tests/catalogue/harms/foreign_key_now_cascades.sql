-- harm: RESTRICT becomes CASCADE: deleting a customer deletes the sales
-- object: shop.sale.sale_customer
-- check: schema
alter table shop.sale drop constraint sale_customer,
    add constraint sale_customer foreign key (customer_id) references shop.customer (id) on delete cascade;
