-- harm: a foreign key is NOT ENFORCED
-- object: shop.sale.sale_customer
-- check: schema
-- since: 18
alter table shop.sale alter constraint sale_customer not enforced;
