-- benign: rows are deleted and come back as they were
-- tier: always
begin;
create temporary table kept on commit drop as select * from shop.account;
delete from shop.account;
insert into shop.account select * from kept order by id desc;
commit;
