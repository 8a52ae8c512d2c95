-- harm: a column leaves a NOT NULL domain for plain text
-- object: shop.product.label
-- check: schema
alter table shop.product alter label type text;
