-- harm: a crash empties the table
-- object: shop.setting
-- check: schema
alter table shop.setting set unlogged;
