-- benign: one more large object
select lo_from_bytea(880009, 'new');
