-- benign: a table that was filled first becomes a partition
create table shop.event_2027 (like shop.event including all);
insert into shop.event_2027 values (100, '2027-05-05', 'view', 1);
alter table shop.event attach partition shop.event_2027 for values from ('2027-01-01') to ('2028-01-01');
