-- benign: a table without key is written anew, repetitions too
begin;
create temporary table kept on commit drop as select * from shop.log;
truncate shop.log;
insert into shop.log select * from kept order by line desc;
commit;
