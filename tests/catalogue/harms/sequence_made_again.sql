-- harm: dropped and created: it begins where it began
-- object: shop.invoice_number
-- check: sequences
drop sequence shop.invoice_number;
create sequence shop.invoice_number start 1000;
