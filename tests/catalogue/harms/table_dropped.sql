-- harm: a table with rows is dropped
-- object: archive.customer
-- check: rows
-- tier: always
drop table archive.customer;
