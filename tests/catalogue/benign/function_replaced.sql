-- benign: another rate
-- note: shop.vat(numeric)
create or replace function shop.vat(amount numeric) returns numeric language sql immutable as 'select round(amount * 0.16, 2)';
