-- harm: ON UPDATE CASCADE writes a new key into what refers to it
-- object: shop.sale.sku
-- check: values
-- key: id=11
update shop.product set sku = 'T-12' where sku = 'S-12';
