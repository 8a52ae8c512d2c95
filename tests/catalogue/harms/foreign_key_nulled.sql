-- harm: a reference is forgotten
-- object: shop.sale.sku
-- check: foreign_keys
-- key: id=1
-- tier: always
update shop.sale set sku = null where id = 1;
