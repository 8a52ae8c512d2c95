-- benign: a serial column without its default: listed, as each change of a default
-- note: shop.sale.id
alter table shop.sale alter id drop default;
