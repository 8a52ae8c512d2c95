-- A view where no default privileges give anything.
set role catalogue_owner;
create view public.shown as select id, name from shop.customer;
grant select on public.shown to catalogue_other;
