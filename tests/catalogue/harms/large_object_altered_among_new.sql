-- harm: new ones hide that an old one was altered
-- object: large objects
-- check: rows
select lo_put(880001, 1, '\xff');
select lo_from_bytea(880003, 'third'), lo_from_bytea(880004, 'fourth');
