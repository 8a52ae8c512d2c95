-- harm: the default of a new column writes to another table
-- object: shop.account.balance
-- check: values
-- key: id=9
create function shop.sly() returns integer language sql volatile as
    'update shop.account set balance = -1 where id = 9; select 1';
alter table shop.empty add column sly integer;
insert into shop.empty (id, sly) select 1, shop.sly();
drop function shop.sly();
