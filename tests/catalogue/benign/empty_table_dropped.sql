-- benign: a table without rows
-- note: shop.empty
drop table shop.empty;
