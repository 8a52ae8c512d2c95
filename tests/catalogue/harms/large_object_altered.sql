-- harm: a byte of a large object
-- object: large objects
-- check: rows
-- tier: always
select lo_put(880001, 1, '\xff');
