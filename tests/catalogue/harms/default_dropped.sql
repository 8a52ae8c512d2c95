-- harm: no default, and no NULL: an INSERT that leaves the column out is refused
-- object: shop.event.kind
-- check: works
alter table shop.event alter kind drop default;
