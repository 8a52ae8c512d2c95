-- benign: a new column, filled for every row
alter table shop.customer add column full_name text;
update shop.customer set full_name = name || coalesce(' <' || email || '>', '');
alter table shop.customer alter full_name set not null;
