-- harm: the partition of one table becomes that of another
-- object: shop.event
-- check: rows
create table shop.event_archive (like shop.event including all) partition by range (at);
alter table shop.event detach partition shop.event_2023;
alter table shop.event_archive attach partition shop.event_2023 for values from ('2023-01-01') to ('2024-01-01');
