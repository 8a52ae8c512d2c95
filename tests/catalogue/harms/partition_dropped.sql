-- harm: a partition is dropped
-- object: shop.event
-- check: rows
drop table shop.event_2024;
