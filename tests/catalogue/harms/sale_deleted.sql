-- harm: ON DELETE CASCADE takes the lines along
-- object: shop.sale_line
-- check: rows
-- key: sale_id=17, line_no=2
delete from shop.sale where id = 17;
