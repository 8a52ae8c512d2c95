-- benign: expand and contract: a new column is filled, the old one goes, the new one takes its name
alter table shop.audit add column what_new text;
update shop.audit set what_new = what;
alter table shop.audit alter what_new set not null;
alter table shop.audit drop column what;
alter table shop.audit rename column what_new to what;
