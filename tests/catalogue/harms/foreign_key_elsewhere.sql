-- harm: the constraint keeps its name and refers to another table
-- object: shop.sale.sale_customer
-- check: schema
create table shop.person (id integer primary key);
insert into shop.person select id from shop.customer;
alter table shop.sale drop constraint sale_customer,
    add constraint sale_customer foreign key (customer_id) references shop.person (id) on delete restrict;
