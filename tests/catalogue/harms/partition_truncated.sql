-- harm: a partition is emptied
-- object: shop.region_total
-- check: rows
-- key: region=us
truncate shop.region_total_us;
