-- harm: the numbers of invoices end
-- object: shop.invoice_number
-- check: sequences
drop sequence shop.invoice_number;
