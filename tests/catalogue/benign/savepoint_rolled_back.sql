-- benign: the harm goes with the savepoint
begin;
savepoint s;
delete from shop.account;
rollback to s;
create table shop.kept (id integer);
commit;
