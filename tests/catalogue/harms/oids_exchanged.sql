-- harm: two files point at each other's large objects
-- object: shop.file.content
-- check: values
-- key: id=1
update shop.file set content = case id when 1 then 880002 else 880001 end;
