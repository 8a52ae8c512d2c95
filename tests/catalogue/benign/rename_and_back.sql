-- benign: to another name and back
alter table shop.customer rename to client;
alter table shop.client rename column name to title;
alter table shop.client rename column title to name;
alter table shop.client rename to customer;
