-- benign: wider keys
-- note: shop.account.id
-- tier: always
alter table shop.account alter id type bigint;
alter table shop.sale_line alter line_no type integer;
alter table shop.document alter id type bigint;
