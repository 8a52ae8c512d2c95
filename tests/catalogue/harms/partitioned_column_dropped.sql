-- harm: a column of a partitioned table
-- object: shop.event.kind
-- check: values
alter table shop.event drop column kind;
