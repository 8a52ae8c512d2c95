-- benign: a large object is written again as it was
select lo_put(880002, 0, 'second');
