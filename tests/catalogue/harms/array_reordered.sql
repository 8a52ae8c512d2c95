-- harm: the elements of an array are sorted
-- object: shop.product.parts
-- check: values
-- key: sku=S-3
update shop.product set parts = (select array_agg(part order by part desc) from unnest(parts) part) where sku = 'S-3';
