-- benign: a table with another name, known by its OID
-- note: shop.reading
-- tier: always
alter table shop.reading rename to measurement;
