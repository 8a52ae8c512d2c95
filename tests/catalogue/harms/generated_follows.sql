-- harm: a changed quantity changes the generated total as well
-- object: shop.sale.total
-- check: values
-- key: id=17
update shop.sale set quantity = quantity + 1 where id = 17;
