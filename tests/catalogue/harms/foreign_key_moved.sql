-- harm: a sale is another customer's
-- object: shop.sale.customer_id
-- check: values
-- key: id=7
update shop.sale set customer_id = 1 where id = 7;
