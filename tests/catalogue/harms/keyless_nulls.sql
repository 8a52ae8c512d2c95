-- harm: rows of nothing but NULLs are deleted
-- object: shop.log
-- check: rows
delete from shop.log where at is null;
