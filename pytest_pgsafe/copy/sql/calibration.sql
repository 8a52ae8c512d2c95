-- A small schema of every kind of object that needs no extension and no superuser: what a dump and a restore change of
-- it, the server and its programs change by themselves.
set search_path = public;
create schema part;
create type mood as enum ('well', 'ill');
create type pair as (one int, two text);
create domain positive as int not null default 1 check (value > 0);
create type span as range (subtype = int);
create sequence counter increment 3 cache 7;
create collation plain from "C";
create function reduced(n numeric) returns numeric language sql immutable as 'select n * 2';
create function stored(n int) returns int language sql immutable return n + 1;
create function stamp() returns trigger language plpgsql as 'begin return new; end';
create procedure nothing() language sql begin atomic select 1; end;
create aggregate total (int) (sfunc = int4pl, stype = int, initcond = '0');
create operator === (leftarg = int, rightarg = int, function = int4eq);
create cast (mood as int) with inout;
create text search configuration words (copy = simple);
create table parent (
    id int generated always as identity primary key, n numeric(8, 2) default 7.5, t varchar(20) collate "C" not null,
    m mood default 'well', p pair, d positive, s span, a text[], j jsonb, at timestamptz default now(),
    twice numeric generated always as (n * 2) stored, extra int default nextval('counter') unique,
    constraint known check (t in ('a', 'b')), exclude using gist (s with &&)
) with (fillfactor = 70, autovacuum_enabled = off, toast.autovacuum_enabled = off);
alter table parent alter n set (n_distinct = -0.5), alter t set statistics 77, alter t set storage external,
    replica identity full, enable row level security, force row level security;
comment on table parent is 'a table';
comment on column parent.t is 'a column';
create table child (id int primary key, of int references parent on delete cascade deferrable initially deferred);
create table leaf (more int) inherits (child);
create unlogged table fast (id int);
alter table fast add check (id > 0) not valid;
create table parts (id int, at date, primary key (id, at)) partition by range (at);
create table part.first partition of parts for values from ('2026-01-01') to ('2026-02-01');
create table part.rest partition of parts default;
create table hashed (id int) partition by hash (id);
create table hashed_1 partition of hashed for values with (modulus 1, remainder 0);
create index on parent (lower(t), n desc nulls last) include (m) with (fillfactor = 60) where n > 1;
create index on parent using gin (a);
create index on parent using brin (at) with (pages_per_range = 9);
create unique index by_t on parent (t);
alter table parent cluster on by_t;
create statistics both_ways (dependencies, ndistinct) on n, t from parent;
create view seen with (security_barrier) as select id, t, row_number() over (order by n) as place from parent where n > 1;
create view nested as select s.* from seen s join child c on c.of = s.id where exists (select from fast);
create materialized view counted as select t, count(*) as times from parent group by t;
create unique index on counted (t);
create rule ignored as on delete to seen do instead nothing;
create trigger stamped before insert or update of t on parent for each row when (new.n > 1) execute function stamp();
create policy everybody on parent for select using (n > 1);
grant select, update (t) on parent to public;
grant usage on sequence counter to public;
alter default privileges in schema part grant select on tables to public;
insert into parent (t, n) values ('a', 2), ('b', 3);
insert into child values (1, 1);
insert into parts values (1, '2026-01-05'), (2, '2027-01-05');
