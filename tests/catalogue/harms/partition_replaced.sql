-- harm: an empty table takes a partition's place and name
-- object: shop.event
-- check: rows
alter table shop.event detach partition shop.event_2023;
alter table shop.event_2023 rename to event_2023_old;
create table shop.event_2023 partition of shop.event for values from ('2023-01-01') to ('2024-01-01');
