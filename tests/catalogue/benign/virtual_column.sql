-- benign: a virtual generated column
-- since: 18
alter table shop.customer add column shout text generated always as (upper(name)) virtual;
