-- harm: json keeps blanks, order and repeated keys; through jsonb and back it is another text
-- object: shop.customer.raw
-- check: values
alter table shop.customer alter raw type jsonb;
alter table shop.customer alter raw type json;
