-- benign: NULLs are not distinct from now on
-- since: 15
alter table shop.newer add column c integer;
create unique index newer_c on shop.newer (id, c) nulls not distinct;
