-- harm: a composite type has one attribute more, and an old one another value
-- object: shop.customer.home
-- check: values
-- key: id=5
alter type shop.address add attribute country text cascade;
update shop.customer set home.town = 'elsewhere' where id = 5;
