-- benign: a new generated column
alter table shop.customer add column initial text generated always as (left(name, 1)) stored;
