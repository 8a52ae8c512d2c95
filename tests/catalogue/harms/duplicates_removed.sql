-- harm: a table without key is made distinct
-- object: shop.log
-- check: rows
begin;
create temporary table kept on commit drop as select distinct * from shop.log;
truncate shop.log;
insert into shop.log select * from kept;
commit;
