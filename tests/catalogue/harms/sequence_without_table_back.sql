-- harm: numbers of invoices are given out again
-- object: shop.invoice_number
-- check: sequences
alter sequence shop.invoice_number restart;
