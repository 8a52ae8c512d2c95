-- harm: it counts down now, over numbers that were given out
-- object: shop.invoice_number
-- check: sequences
alter sequence shop.invoice_number increment -1 minvalue 1;
