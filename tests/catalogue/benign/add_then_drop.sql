-- benign: what the migration made is gone when it ends
create table shop.passing (id integer primary key);
insert into shop.passing values (1);
alter table shop.customer add column passing integer default 1;
create index passing_index on shop.customer (passing);
create type shop.brief as enum ('x');
alter table shop.customer drop column passing;
drop table shop.passing;
drop type shop.brief;
