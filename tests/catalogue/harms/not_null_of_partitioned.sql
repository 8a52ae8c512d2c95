-- harm: a partitioned table's column may be NULL
-- object: shop.event.kind
-- check: schema
alter table shop.event alter kind drop not null;
