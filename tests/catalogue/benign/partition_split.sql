-- benign: rows move from the default partition to one of their own
begin;
create temporary table moved on commit drop as select * from shop.event_rest where at >= '2025-01-01' and at < '2026-01-01';
delete from shop.event_rest where at >= '2025-01-01' and at < '2026-01-01';
create table shop.event_2025 partition of shop.event for values from ('2025-01-01') to ('2026-01-01');
insert into shop.event select * from moved;
commit;
