-- harm: two large objects exchange their contents
-- object: large objects
-- check: rows
begin;
select lo_unlink(880001), lo_unlink(880002);
select lo_from_bytea(880001, 'second'), lo_from_bytea(880002, '\x000102');
commit;
