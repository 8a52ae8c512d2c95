-- benign: numbers for a table that had no key
alter table shop.log add column id bigint generated always as identity primary key;
