-- harm: DROP DOMAIN … CASCADE takes a column along
-- object: shop.customer.discount
-- check: values
drop domain shop.percent cascade;
