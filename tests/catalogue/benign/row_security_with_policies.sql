-- benign: row security comes with policies for those who read
-- note: shop.customer
alter table shop.customer enable row level security;
create policy every on shop.customer for select using (true);
