-- harm: a cent of money
-- object: shop.every_type.cash
-- check: values
-- key: id=2
update shop.every_type set cash = cash + 0.01::numeric::money where id = 2;
