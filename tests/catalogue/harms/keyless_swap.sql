-- harm: two rows of a table without key swap a value
-- object: shop.log
-- check: rows
update shop.log set line = case when line = 'same line 5' then 'same line 6' else 'same line 5' end
    where line in ('same line 5', 'same line 6');
