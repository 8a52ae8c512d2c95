-- benign: a sequence gets a bound far away
-- note: shop.invoice_number
alter sequence shop.invoice_number maxvalue 999999;
