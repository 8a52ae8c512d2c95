-- harm: two lines of a sale change places
-- object: shop.sale_line.remark
-- check: values
-- key: sale_id=5, line_no=1
begin;
update shop.sale_line set line_no = 100 where sale_id = 5 and line_no = 1;
update shop.sale_line set line_no = 1 where sale_id = 5 and line_no = 2;
update shop.sale_line set line_no = 2 where sale_id = 5 and line_no = 100;
commit;
