-- benign: NOT NULL by way of a CHECK that is dropped in the end
alter table shop.customer add constraint born_given check (born is not null) not valid;
alter table shop.customer validate constraint born_given;
alter table shop.customer alter born set not null;
alter table shop.customer drop constraint born_given;
