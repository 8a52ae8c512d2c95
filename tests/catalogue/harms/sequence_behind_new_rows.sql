-- harm: rows are seeded with numbers of their own, and the sequence does not know
-- object: shop.audit_id_seq
-- check: sequences
insert into shop.audit values (6, now(), 'SEED'), (7, now(), 'SEED');
