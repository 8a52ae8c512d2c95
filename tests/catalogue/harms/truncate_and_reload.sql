-- harm: the table is emptied and filled again, with one value rounded
-- object: shop.account.balance
-- check: values
-- key: id=7
begin;
create temporary table kept on commit drop as select * from shop.account;
truncate shop.account;
insert into shop.account select id, owner_name, case when id = 7 then 69.99 else balance end from kept;
commit;
