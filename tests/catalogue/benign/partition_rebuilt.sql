-- benign: a partition is replaced by a table with the same rows
create table shop.event_2023_new (like shop.event including all);
insert into shop.event_2023_new select * from shop.event_2023;
alter table shop.event detach partition shop.event_2023;
drop table shop.event_2023;
alter table shop.event_2023_new rename to event_2023;
alter table shop.event attach partition shop.event_2023 for values from ('2023-01-01') to ('2024-01-01');
grant select on shop.event_2023 to catalogue_reader;
