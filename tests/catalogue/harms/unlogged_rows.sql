-- harm: an unlogged table is emptied
-- object: shop.cache
-- check: rows
-- key: key=k2
truncate shop.cache;
