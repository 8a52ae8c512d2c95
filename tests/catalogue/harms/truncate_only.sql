-- harm: a table is emptied
-- object: shop.setting
-- check: rows
truncate shop.setting;
