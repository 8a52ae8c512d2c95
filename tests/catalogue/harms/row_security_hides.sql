-- harm: a role that reads the table is shown none of its rows any more
-- object: shop.customer
-- check: schema
alter table shop.customer enable row level security;
