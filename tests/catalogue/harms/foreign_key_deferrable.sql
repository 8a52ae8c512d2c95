-- harm: a foreign key that was checked at once can be put off
-- object: shop.sale.sale_customer
-- check: schema
alter table shop.sale alter constraint sale_customer deferrable initially deferred;
