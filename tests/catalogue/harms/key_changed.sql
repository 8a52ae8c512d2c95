-- harm: a row gets another key, by which nobody finds it
-- object: shop.setting
-- check: rows
-- key: key=colour
update shop.setting set key = 'color' where key = 'colour';
