-- harm: set back, and declared to cycle so that nobody minds
-- object: shop.invoice_number
-- check: sequences
alter sequence shop.invoice_number restart cycle;
