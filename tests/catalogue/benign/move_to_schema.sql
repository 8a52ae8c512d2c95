-- benign: a table goes to another schema
-- note: shop.reading
alter table shop.reading set schema archive;
