-- harm: one large object goes, two come: there are more than before
-- object: large objects
-- check: rows
select lo_unlink(880002);
select lo_from_bytea(880003, 'third'), lo_from_bytea(880004, 'fourth');
