-- harm: DROP TYPE … CASCADE takes a column along
-- object: shop.customer.home
-- check: values
drop type shop.address cascade;
