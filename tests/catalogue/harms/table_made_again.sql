-- harm: a table is dropped and created under its name, empty
-- object: shop.log
-- check: rows
drop table shop.log;
create table shop.log (at timestamp without time zone, level text, line text);
