-- harm: setval by the count of rows, when numbers are missing
-- object: shop.audit_id_seq
-- check: sequences
select setval('shop.audit_id_seq', 3);
