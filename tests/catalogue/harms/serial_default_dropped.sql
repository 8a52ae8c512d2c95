-- harm: a serial column without its default: an INSERT that leaves the key out is refused
-- object: shop.sale.id
-- check: works
alter table shop.sale alter id drop default;
