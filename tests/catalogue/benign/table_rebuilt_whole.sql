-- benign: a table is copied with all that belongs to it, and takes the old one's name
-- tier: always
create table shop.account_new (like shop.account including all);
insert into shop.account_new select * from shop.account;
drop table shop.account;
alter table shop.account_new rename to account;
alter table shop.account rename constraint account_new_pkey to account_pkey;
alter table shop.account enable row level security, force row level security;
create policy account_own on shop.account for select to catalogue_reader using (owner_name = current_user);
create policy account_limit on shop.account as restrictive for select to catalogue_reader using (balance < 1000000);
create policy account_owner on shop.account to catalogue_owner using (true) with check (true);
grant select on shop.account to catalogue_reader;
