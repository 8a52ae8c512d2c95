-- harm: a large object that a row still names is gone
-- object: large objects
-- check: rows
select lo_unlink(880002);
