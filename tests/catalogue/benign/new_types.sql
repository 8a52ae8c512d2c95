-- benign: types, functions, sequences, views that were not there
create type shop.size as enum ('s', 'm', 'l');
create domain shop.email as text check (value like '%@%');
create sequence shop.counter;
create function shop.shout(text) returns text language sql immutable as 'select upper($1)';
create view shop.shouted as select shop.shout(name) from shop.customer;
create schema more;
