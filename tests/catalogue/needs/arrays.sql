-- Arrays of types that migrations widen.
set role catalogue_owner;
create table shop.arrays (
    id integer primary key, amounts numeric(10, 2)[], numbers integer[], parts real[], times timestamp[], days date[],
    docs json[], codes character(4)[], labels varchar(8)[], flags boolean[], moods shop.mood[]
);
insert into shop.arrays values
    (1, '{1.10,2,NULL}', '{1,2}', '{0.1,1e20}', '{2024-03-31 02:30:00,NULL}', '{2024-03-31}', array['{"a": 1,  "b":2}', '[]']::json[],
     '{a,bc}', '{x,"y z"}', '{t,f}', '{sad}'),
    (2, '{}', '[2:3]={1,2}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
    (3, '{{1.5,2.5},{3,4}}', '{{1,2},{3,4}}', '{-0.5}', '{infinity}', '{infinity}', array['null', null]::json[], '{"a b"}', '{""}', '{NULL}', '{ok,happy}'),
    (4, null, null, null, null, null, null, null, null, null, null);
