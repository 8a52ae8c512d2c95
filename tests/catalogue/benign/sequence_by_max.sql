-- benign: rows of a restore, then the sequence is set past them
insert into shop.audit values (50, now(), 'RESTORED');
select setval(pg_get_serial_sequence('shop.audit', 'id'), (select max(id) from shop.audit));
