-- harm: NULLs were not distinct
-- object: shop.newer.newer_a
-- check: schema
-- since: 15
alter table shop.newer drop constraint newer_a;
alter table shop.newer add constraint newer_a unique (a);
