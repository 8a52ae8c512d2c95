-- benign: the planner looks closer
-- note: shop.customer.name
alter table shop.customer alter name set statistics 500;
