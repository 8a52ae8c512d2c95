-- harm: one goes, one comes
-- object: large objects
-- check: rows
select lo_unlink(880002);
select lo_from_bytea(880003, 'second');
