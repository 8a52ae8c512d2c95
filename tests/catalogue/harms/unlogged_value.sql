-- harm: an unlogged table leaves no trace in the WAL
-- object: shop.cache.value
-- check: values
-- key: key=k1
update shop.cache set value = 'V1' where key = 'k1';
