-- benign: a column that was NULL in every row
-- note: shop.nothing.never
alter table shop.nothing drop column never;
