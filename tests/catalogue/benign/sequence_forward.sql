-- benign: numbers leave a gap
select setval('shop.sale_id_seq', 5000);
select nextval('shop.invoice_number');
alter sequence shop.audit_id_seq restart with 100;
