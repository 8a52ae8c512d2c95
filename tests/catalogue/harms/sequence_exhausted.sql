-- harm: a sequence is at its end
-- object: shop.invoice_number
-- check: sequences
alter sequence shop.invoice_number maxvalue 1004;
