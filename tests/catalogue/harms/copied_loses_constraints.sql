-- harm: CREATE TABLE AS and a rename: the foreign keys are gone
-- object: shop.sale.sale_customer
-- check: schema
-- tier: always
create table shop.sale_new as select * from shop.sale;
drop table shop.sale cascade;
alter table shop.sale_new rename to sale;
