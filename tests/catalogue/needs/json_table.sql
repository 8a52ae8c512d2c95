-- json whose keys do not repeat.
set role catalogue_owner;
create table archive.doc (id integer primary key, body json);
insert into archive.doc values (1, '{"b": 1,  "a": [1.0, null]}'), (2, 'null'), (3, null);
