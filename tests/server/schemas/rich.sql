-- One of everything that pg_dump dumps and that needs no extension, with a few rows. PostgreSQL 14 to 18, a superuser,
-- an empty database. What a newer major adds stands in DO blocks. Roles are named rich_* and may exist already.
-- Not here, since no dump carries it: settings of the database, invalid indexes, keys with disabled triggers.

set client_min_messages = warning;
set search_path = pg_catalog;

do $$
declare
    role text;
begin
    foreach role in array array['rich_owner', 'rich_reader', 'rich_writer', 'Rich "Group"', 'rich_login'] loop
        if not exists (select from pg_roles where rolname = role) then
            execute format('create role %I', role);
        end if;
    end loop;
    alter role rich_login login connection limit 7 nocreatedb;
    alter role rich_login set search_path = "$user", rich, public;
    alter role rich_login set statement_timeout = '5min';
    grant rich_reader to "Rich ""Group""";
    grant "Rich ""Group""" to rich_login with admin option;
    grant pg_read_all_stats to rich_reader;
end
$$;

-- Schemas -------------------------------------------------------------------------------------------------------------

create schema rich authorization rich_owner;
create schema "Odd. Schema";
create schema empty;
comment on schema rich is 'one of everything';
grant usage on schema rich to rich_reader, rich_writer;
grant usage, create on schema "Odd. Schema" to rich_writer with grant option;
revoke all on schema public from public;
grant usage on schema public to rich_reader;

-- Default privileges before anything is made, so that they shape it.
alter default privileges for role rich_owner grant select on tables to rich_reader;
alter default privileges for role rich_owner in schema rich grant usage on sequences to rich_writer with grant option;
alter default privileges for role rich_owner revoke execute on functions from public;
alter default privileges for role rich_owner revoke usage on types from public;
alter default privileges for role rich_writer revoke all on tables from rich_writer;

-- Types ---------------------------------------------------------------------------------------------------------------

create type rich.mood as enum ('sad', 'ok', 'happy');
alter type rich.mood add value 'it''s "fine"' before 'ok';
alter type rich.mood owner to rich_owner;
comment on type rich.mood is 'labels in an order of their own';
create type rich."Empty" as enum ();
create collation rich.plain (locale = 'C');
create collation rich.copied from "C";
comment on collation rich.plain is 'bytes';
create type rich.address as (street text collate "C", number integer, "Zip Code" varchar(10));
comment on column rich.address.street is 'attribute';
create type rich.nothing as ();
create domain rich.positive as numeric(10, 2) default 1 not null constraint above_zero check (value > 0);
alter domain rich.positive add constraint below check (value < 1000000) not valid;
comment on domain rich.positive is 'domain';
comment on constraint above_zero on domain rich.positive is 'of a domain';
create domain rich.code as varchar(8) collate "C" check (value in ('aa', 'bb', 'cc'));
create domain rich.codes as rich.code[];
revoke usage on type rich.code from public;
grant usage on type rich.code to rich_writer with grant option;
create type rich.span as range (subtype = float8, subtype_diff = pg_catalog.float8mi, multirange_type_name = rich.spans);
create type rich.words as range (subtype = text, collation = "C");
create type rich.shell;
create type rich.whole;
create function rich.whole_in(cstring) returns rich.whole language internal immutable strict as 'int4in';
create function rich.whole_out(rich.whole) returns cstring language internal immutable strict as 'int4out';
create type rich.whole (
    input = rich.whole_in, output = rich.whole_out, internallength = 4, passedbyvalue, alignment = int4,
    category = 'U', default = '7', delimiter = ';'
);

-- Functions -----------------------------------------------------------------------------------------------------------

create function rich.add(a integer, b integer default 2) returns integer
    language sql immutable strict parallel safe leakproof cost 7 as 'select a + b';
create function rich.add(a numeric, variadic b numeric[]) returns numeric
    language sql stable as $$ select a + sum(x) from unnest(b) as x where x in (1, 2) $$;
create function rich.parts(in value text, inout total integer, out head text)
    language plpgsql as $$ begin head := left(value, 1); total := total + 1; end $$;
create function rich.rows() returns table (a integer, "B c" text) rows 5
    language sql security definer set search_path = rich, pg_temp set work_mem = '8MB' as $$ select 1, 'x' $$;
create function rich.status_known(status varchar) returns boolean language sql immutable
    begin atomic select status in ('new', 'paid', 'sent'); end;
create procedure rich.work(inout done integer) language plpgsql as $$ begin done := done + 1; end $$;
comment on function rich.add(integer, integer) is 'function';
comment on procedure rich.work(integer) is 'procedure';
alter function rich.rows() owner to rich_owner;
revoke execute on function rich.rows() from public;
grant execute on function rich.rows() to rich_reader with grant option;
grant execute on procedure rich.work(integer) to rich_writer;

create function rich.touch() returns trigger language plpgsql as $$ begin return new; end $$;
create function rich.watch() returns trigger language plpgsql as $$ begin return null; end $$;
create function rich.ddl() returns event_trigger language plpgsql as $$ begin null; end $$;
create function rich.handler() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';

create function rich.sum_step(bigint, integer) returns bigint language sql immutable as 'select $1 + coalesce($2, 0)';
create function rich.sum_back(bigint, integer) returns bigint language sql immutable as 'select $1 - coalesce($2, 0)';
create function rich.sum_last(bigint) returns text language sql immutable as 'select $1::text';
create aggregate rich.total(integer) (
    sfunc = rich.sum_step, stype = bigint, sspace = 16, finalfunc = rich.sum_last, initcond = '0',
    msfunc = rich.sum_step, minvfunc = rich.sum_back, mstype = bigint, mfinalfunc = rich.sum_last, minitcond = '0',
    parallel = safe
);
comment on aggregate rich.total(integer) is 'aggregate';
create aggregate rich.median(float8 order by float8) (
    sfunc = pg_catalog.ordered_set_transition, stype = internal, finalfunc = pg_catalog.percentile_disc_final,
    finalfunc_extra
);
create function rich.place() returns bigint language internal window immutable as 'window_row_number';

-- Languages, access methods, casts, operators, text search, conversions ----------------------------------------------

create trusted language rich_language handler rich.handler;
comment on language rich_language is 'language';
grant usage on language rich_language to rich_writer;
revoke usage on language rich_language from public;
create access method rich_heap type table handler heap_tableam_handler;
comment on access method rich_heap is 'access method';

create function rich.mood_number(rich.mood) returns integer language sql immutable as 'select length($1::text)';
create cast (rich.mood as integer) with function rich.mood_number(rich.mood) as assignment;
create cast (rich.address as text) with inout;
create cast (rich.whole as integer) without function as implicit;
comment on cast (rich.mood as integer) is 'cast';

create function rich.near(integer, integer) returns boolean language sql immutable as 'select abs($1 - $2) < 2';
create function rich.far(integer, integer) returns boolean language sql immutable as 'select abs($1 - $2) >= 2';
create function rich.minus(integer) returns integer language sql immutable as 'select - $1';
create operator rich.=~ (
    function = rich.near, leftarg = integer, rightarg = integer, commutator = operator(rich.=~),
    negator = operator(rich.!=~), restrict = eqsel, join = eqjoinsel
);
create operator rich.!=~ (
    function = rich.far, leftarg = integer, rightarg = integer, commutator = operator(rich.!=~),
    negator = operator(rich.=~), restrict = neqsel, join = neqjoinsel
);
create operator rich.!! (function = rich.minus, rightarg = integer);
comment on operator rich.!! (none, integer) is 'operator';
alter operator rich.!! (none, integer) owner to rich_owner;

create function rich.backwards(integer, integer) returns integer language sql immutable as 'select btint4cmp($2, $1)';
create operator family rich.loose using btree;
comment on operator family rich.loose using btree is 'operator family';
create operator class rich.descending for type integer using btree family rich.loose as
    operator 1 >, operator 2 >=, operator 3 =, operator 4 <=, operator 5 <, function 1 rich.backwards(integer, integer);
comment on operator class rich.descending using btree is 'operator class';
create function rich.backwards(bigint, integer) returns integer language sql immutable as 'select btint48cmp($2, $1)';
alter operator family rich.loose using btree add
    operator 1 > (bigint, integer), function 1 (bigint, integer) rich.backwards(bigint, integer);
create operator class rich.own_family for type integer using hash as
    operator 1 =, function 1 pg_catalog.hashint4(integer);

create function rich.from_sql(internal) returns internal language internal immutable as 'int4recv';
create transform for rich.whole language sql (from sql with function rich.from_sql(internal));
comment on transform for rich.whole language sql is 'transform';

create text search parser rich.parser (
    start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype, headline = prsd_headline
);
create text search template rich.template (init = dsimple_init, lexize = dsimple_lexize);
create text search dictionary rich.dictionary (template = rich.template, accept = false);
create text search configuration rich.search (parser = rich.parser);
alter text search configuration rich.search add mapping for asciiword, word with rich.dictionary, simple;
alter text search configuration rich.search add mapping for email with simple;
alter text search configuration rich.search owner to rich_owner;
comment on text search parser rich.parser is 'parser';
comment on text search template rich.template is 'template';
comment on text search dictionary rich.dictionary is 'dictionary';
comment on text search configuration rich.search is 'configuration';
create conversion rich.conversion for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
comment on conversion rich.conversion is 'conversion';

-- Sequences -----------------------------------------------------------------------------------------------------------

create sequence rich.free as smallint increment -3 minvalue -300 maxvalue 30 start 30 cache 5 cycle;
create sequence rich.shared;
comment on sequence rich.free is 'sequence';
alter sequence rich.shared owner to rich_owner;
grant usage, update on sequence rich.free to rich_writer;
select pg_catalog.nextval('rich.free'), pg_catalog.nextval('rich.free'), pg_catalog.setval('rich.shared', 41);

-- Tables --------------------------------------------------------------------------------------------------------------

create table rich.customer (
    id bigint generated always as identity (start 100 increment 10),
    code serial,
    shared integer not null default nextval('rich.shared'),
    name varchar(60) collate "C" not null,
    email text collate rich.plain,
    status varchar(10) default 'new',
    mood rich.mood default 'ok',
    address rich.address,
    credit rich.positive,
    codes rich.codes,
    spans rich.spans,
    tags text[] default '{}' not null,
    born date,
    seen timestamp(3) with time zone default current_timestamp,
    rest interval day to second(2),
    raw bytea,
    document jsonb,
    bits bit varying(5) default b'101',
    ratio double precision default '-Infinity',
    full_name text generated always as (upper(name) || ', ' || coalesce(email, 'none')) stored,
    constraint customer_pkey primary key (id) include (name),
    constraint customer_code_key unique (code) deferrable initially deferred,
    constraint customer_status_check check (status in ('new', 'paid', 'it''s, (odd)')),
    constraint customer_state_check check (status not in ('gone', 'lost') or mood = any (array['sad', 'ok']::rich.mood[])),
    constraint customer_name_check check (name like any (array['%a%', '%e%', '%"]%', '']) or length(name) > 3) no inherit
) with (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_vacuum_threshold = 77);
alter table rich.customer owner to rich_owner;
alter table rich.customer add constraint customer_born_check check (born > '1850-01-01') not valid;
alter table rich.customer alter email set storage external;
alter table rich.customer alter raw set compression pglz;
alter table rich.customer alter name set statistics 250;
alter table rich.customer alter code set (n_distinct = -0.5, n_distinct_inherited = 9);
alter table rich.customer replica identity full;
comment on table rich.customer is 'It''s a table';
comment on column rich.customer.name is 'column';
comment on constraint customer_status_check on rich.customer is 'constraint';
grant select, insert on rich.customer to rich_writer with grant option;
grant select (id, name), update (email) on rich.customer to "Rich ""Group""";
grant select on rich.customer to public;
revoke truncate on rich.customer from rich_owner;

create unlogged table rich.cache (key text primary key using index tablespace pg_default, value text, at time(0) default '12:00');
alter table rich.cache replica identity nothing;
create table rich.heap (a integer) using rich_heap;
create table rich.typed of rich.address (number with options default 3 not null, primary key (number));
create table rich.no_columns ();
create table rich.no_key (a integer, b numeric, c real[]);

create table rich.room (
    id integer generated by default as identity,
    site integer not null,
    number integer not null,
    during int4range,
    parent_id integer,
    constraint room_pkey primary key (id),
    constraint room_place unique (site, number),
    constraint room_free exclude using gist (during with &&) where (number > 0),
    constraint room_parent foreign key (parent_id) references rich.room on delete set null on update cascade
);
create unique index room_number_site on rich.room (number, site);
alter table rich.room replica identity using index room_number_site;
create table rich.booking (
    id integer primary key,
    site integer default 1,
    number integer,
    customer_id bigint,
    note text,
    constraint booking_room foreign key (site, number) references rich.room (site, number) match full
        on delete set default on update restrict deferrable initially deferred,
    constraint booking_customer foreign key (customer_id) references rich.customer on delete cascade deferrable
);
alter table rich.booking add constraint booking_again foreign key (id) references rich.room not valid;
comment on constraint booking_room on rich.booking is 'key';

create table "Odd. Schema"."Odd ""table"".x" (
    "Odd. Column" integer primary key,
    "select" text check ("select" <> ''),
    "ünïcödé" text,
    "a_name_that_is_exactly_sixty_three_bytes_long_which_is_the_limit" integer
);
create table "Odd. Schema".a_name_that_is_exactly_sixty_three_bytes_long_which_is_the_limi ();
alter table "Odd. Schema"."Odd ""table"".x" add constraint "Odd. constraint" unique ("select", "ünïcödé");

-- Inheritance. A restore changes the order of the columns of heir: parent columns come first there.
create table rich.ancestor (a integer, b text default 'b' not null, constraint a_small check (a < 100));
create table rich.other_ancestor (z text, a integer);
create table rich.heir (own text, b text not null default 'own', z text, a integer, c varchar(3));
alter table rich.heir add constraint a_small check (a < 100);
alter table rich.heir add constraint several check (a > 0 or z is not null or own in ('x', 'y') or c in ('p', 'q'));
create index heir_z_own on rich.heir (z, own) where c in ('p', 'q');
create statistics rich.heir_statistics (ndistinct, dependencies) on z, own, a from rich.heir;
create view rich.heirs as select * from rich.heir;
alter table rich.heir inherit rich.ancestor;
alter table rich.heir inherit rich.other_ancestor;
create table rich.second_heir (more integer) inherits (rich.ancestor, rich.other_ancestor);

-- Partitions ----------------------------------------------------------------------------------------------------------

create table rich.event (
    id bigint not null,
    at timestamp with time zone not null,
    region varchar(5) not null default 'eu',
    customer_id bigint,
    amount numeric(12, 3),
    constraint event_pkey primary key (id, at, region),
    constraint event_customer foreign key (customer_id) references rich.customer (id) on delete restrict,
    constraint event_amount check (amount >= 0)
) partition by range (at);
create table rich.event_old partition of rich.event for values from (minvalue) to ('2020-01-01 00:00+00');
create table rich.event_2020 partition of rich.event for values from ('2020-01-01 00:00+00') to ('2021-01-01 00:00+00')
    partition by list (region);
create table rich.event_2020_eu partition of rich.event_2020 for values in ('eu', 'uk');
create table rich.event_2020_rest partition of rich.event_2020 default;
-- Attached with columns in another order, and with keys of other names.
create table rich.event_2021 (
    amount numeric(12, 3),
    region varchar(5) not null default 'xx',
    customer_id bigint,
    dropped integer,
    at timestamp with time zone not null,
    id bigint not null,
    constraint its_own_key primary key (id, at, region),
    constraint its_own_reference foreign key (customer_id) references rich.customer (id) on delete restrict,
    constraint event_amount check (amount >= 0),
    constraint its_own_check check (region <> 'no')
);
alter table rich.event_2021 drop column dropped;
alter table rich.event attach partition rich.event_2021 for values from ('2021-01-01 00:00+00') to ('2022-01-01 00:00+00');
create index event_region on rich.event (region, amount desc nulls last);
create index event_parts_only on only rich.event (customer_id);
alter table rich.event_old alter region set default 'old';
create table rich.by_word (word text) partition by list (lower(word) collate "C");
create table rich.by_word_a partition of rich.by_word for values in ('a', null);
create table rich.hashed (id integer primary key, note text) partition by hash (id);
create table rich.hashed_0 partition of rich.hashed for values with (modulus 2, remainder 0);
create table rich.hashed_1 partition of rich.hashed for values with (modulus 2, remainder 1) with (fillfactor = 50);
-- A key to a partitioned table, and one from and to partitions.
create table rich.pointer (id integer, hashed_id integer constraint pointer_hashed references rich.hashed on delete cascade);
create table rich.tree (id integer primary key, up integer constraint tree_up references rich.tree) partition by range (id);
create table rich.tree_low partition of rich.tree for values from (0) to (10);
create table rich.tree_high partition of rich.tree for values from (10) to (maxvalue);

-- Indexes -------------------------------------------------------------------------------------------------------------

create index customer_lower_email on rich.customer (lower(email) collate "C" text_pattern_ops, id) include (code)
    with (fillfactor = 60, deduplicate_items = off) where status in ('new', 'paid') and mood <> 'sad';
create unique index customer_email_unique on rich.customer (email);
create index customer_document on rich.customer using gin (document jsonb_path_ops) with (fastupdate = off);
create index customer_code_backwards on rich.customer (code rich.descending);
create index customer_seen on rich.customer using brin (seen) with (pages_per_range = 16);
create index customer_expression on rich.customer ((code + 1), (name || 'x'));
alter index rich.customer_expression alter column 2 set statistics 500;
alter table rich.customer cluster on customer_pkey;
comment on index rich.customer_lower_email is 'index';

create statistics rich.customer_statistics (mcv) on status, mood from rich.customer;
create statistics rich.customer_expressions on (code % 7), lower(name) from rich.customer;
alter statistics rich.customer_statistics set statistics 333;
alter statistics rich.customer_statistics owner to rich_owner;
comment on statistics rich.customer_statistics is 'statistics';

-- Views ---------------------------------------------------------------------------------------------------------------

create view rich.new_customers with (security_barrier = true) as
    select id, name, status, credit + 1 as more from rich.customer where status in ('new', 'paid')
    with local check option;
create recursive view rich.counting (n) as values (1) union all select n + 1 from counting where n < 5;
create view rich.grouped as select c.*, count(*) over (partition by status) from rich.customer c group by c.id;
create view rich.joined as
    select b.*, r.during from rich.booking b left join rich.room r using (site, number) where exists (select 1 from rich.new_customers);
create view rich.simple as select id, note from rich.booking where note !~~ all (array['a%', 'b%']);
alter view rich.simple alter column note set default 'none';
alter view rich.simple owner to rich_owner;
comment on view rich.simple is 'view';
comment on column rich.simple.note is 'of a view';
grant select on rich.simple to rich_reader;
grant select (id) on rich.joined to rich_reader;
create materialized view rich.populated with (fillfactor = 80) as
    select status, count(*) as n, array['x', 'y']::varchar[] as letters from rich.customer group by status;
create materialized view rich.unpopulated as select 1 as a, 'x'::text as b with no data;
create unique index populated_status on rich.populated (status);
alter materialized view rich.populated alter column status set statistics 44;
comment on materialized view rich.populated is 'materialised view';
comment on column rich.unpopulated.a is 'of a materialised view';

-- Rules, triggers, policies ----------------------------------------------------------------------------------------------

create rule booking_notice as on update to rich.booking where new.note in ('a', 'b')
    do also delete from rich.no_key where a = old.id;
create rule simple_delete as on delete to rich.simple do instead delete from rich.booking where id = old.id;
alter table rich.booking disable rule booking_notice;
comment on rule simple_delete on rich.simple is 'rule';

create trigger customer_touch before insert or update of name, email on rich.customer
    for each row when (new.status in ('new', 'paid')) execute function rich.touch('one', 'it''s');
create trigger customer_after after update on rich.customer referencing old table as gone new table as come
    for each statement execute function rich.watch();
create trigger customer_truncate after truncate on rich.customer execute function rich.watch();
create constraint trigger customer_check after insert on rich.customer from rich.booking deferrable initially deferred
    for each row execute function rich.watch();
create trigger simple_insert instead of insert on rich.simple for each row execute function rich.touch();
create trigger booking_always before insert on rich.booking for each row execute function rich.touch();
create trigger booking_replica before insert on rich.booking for each row execute function rich.touch();
create trigger booking_disabled before insert on rich.booking for each row execute function rich.touch();
alter table rich.booking enable always trigger booking_always;
alter table rich.booking enable replica trigger booking_replica;
alter table rich.booking disable trigger booking_disabled;
create trigger event_touch before insert on rich.event for each row execute function rich.touch();
alter table rich.event_old disable trigger event_touch;
comment on trigger customer_touch on rich.customer is 'trigger';

alter table rich.customer enable row level security;
alter table rich.booking enable row level security;
alter table rich.booking force row level security;
create policy everybody on rich.customer using (true);
create policy own on rich.customer as restrictive for update to rich_writer, "Rich ""Group"""
    using (status in ('new', 'paid')) with check (credit > 0);
create policy adding on rich.booking for insert to public with check (note is not null);
create policy looking on rich.booking for select to current_user using (note not in ('x', 'y'));
comment on policy own on rich.customer is 'policy';

-- Foreign data --------------------------------------------------------------------------------------------------------

create foreign data wrapper rich_wrapper options (debug 'true');
create server rich_server type 'kind' version '1.2' foreign data wrapper rich_wrapper
    options (host 'example.invalid', password 'never to be seen');
create user mapping for rich_login server rich_server options (user 'remote', password 'never to be seen');
create user mapping for public server rich_server;
create foreign table rich.remote (
    id integer options (column_name 'ID') not null, note text collate "C" default 'x', constraint remote_check check (id > 0)
) server rich_server options (schema_name 'far', table_name 'away', secret_token 'never to be seen');
comment on foreign data wrapper rich_wrapper is 'wrapper';
comment on server rich_server is 'server';
comment on foreign table rich.remote is 'foreign table';
comment on column rich.remote.note is 'foreign column';
alter server rich_server owner to rich_owner;
grant usage on foreign data wrapper rich_wrapper to rich_writer;
grant usage on foreign server rich_server to rich_writer with grant option;

-- Publications and subscriptions -------------------------------------------------------------------------------------

set client_min_messages = error;
create publication rich_all for all tables with (publish = 'insert, update', publish_via_partition_root);
create publication rich_some for table rich.room, only rich.no_key;
create publication rich_nothing;
alter publication rich_some owner to rich_owner;
comment on publication rich_some is 'publication';
create subscription rich_subscription connection 'host=example.invalid password=secret' publication b, a
    with (connect = false, enabled = false, slot_name = none, binary = true, streaming = true, synchronous_commit = 'local');
comment on subscription rich_subscription is 'subscription';
set client_min_messages = warning;

-- Large objects -------------------------------------------------------------------------------------------------------

select pg_catalog.lo_from_bytea(770001, '\x00ff'), pg_catalog.lo_from_bytea(770002, 'second');
alter large object 770002 owner to rich_owner;
grant select on large object 770002 to rich_reader;
comment on large object 770001 is 'large object';

-- What newer majors add -------------------------------------------------------------------------------------------------

do $$
declare
    major integer := current_setting('server_version_num')::integer / 10000;
begin
    if exists (select from pg_collation where collname = 'und-x-icu') then
        create collation rich.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        create table rich.folded (word text collate rich.nocase primary key);
    end if;
    if major >= 15 then
        -- pg_restore 14 skips it.
        execute 'comment on schema public is ''ours now''';
        execute 'create table rich.newer (a integer, b integer, unique nulls not distinct (a, b))';
        execute 'create unique index newer_b on rich.newer (b) nulls not distinct';
        execute 'alter table rich.booking add constraint booking_part foreign key (site, number)'
            ' references rich.room (site, number) on delete set null (number)';
        execute 'create view rich.invoker with (security_invoker = true, check_option = cascaded)'
            ' as select * from rich.no_key';
        execute 'create unlogged sequence rich.unlogged';
        execute 'create publication rich_filtered for table rich.booking (note, id) where (note in (''a'', ''b''))';
        execute 'alter publication rich_some add tables in schema empty, "Odd. Schema"';
        execute 'alter table rich.customer alter raw set compression default';
        execute 'alter subscription rich_subscription set (disable_on_error = true)';
    end if;
    if major >= 16 then
        execute 'alter table rich.no_key alter b set storage main';
        execute 'grant rich_writer to rich_login with inherit false, set false';
    end if;
    if major >= 17 then
        execute 'create table rich.newest (a integer) with (fillfactor = 40)';
        execute 'grant maintain on rich.newest to rich_writer';
    end if;
    if major >= 18 then
        execute 'create table rich.latest (a integer, doubled integer generated always as (a * 2) virtual,'
            ' constraint a_given not null a no inherit, constraint unchecked check (a > 0) not enforced)';
        execute 'alter table rich.latest add b integer';
        execute 'alter table rich.latest add constraint b_given not null b not valid';
    end if;
end
$$;

create event trigger rich_event on ddl_command_end when tag in ('CREATE TABLE', 'ALTER TABLE') execute function rich.ddl();
create event trigger rich_silent on sql_drop execute function rich.ddl();
alter event trigger rich_silent disable;
comment on event trigger rich_event is 'event trigger';

-- Rows ----------------------------------------------------------------------------------------------------------------

insert into rich.customer (name, email, status, mood, credit, address, document, raw, spans, codes) values
    ('Ada', 'ada@example.org', 'new', 'ok', 12.5, row('Street', 1, 'ZIP'), '{"a": [1, null]}', '\x00', '{[1,2)}', '{aa}'),
    ('Bea', 'bea@example.org', 'paid', 'happy', 1, null, '[]', null, '{}', '{}'),
    ('Zoé and more', null, null, null, 1.00, null, null, '', null, null);
insert into rich.room (site, number, during, parent_id) values (1, 1, '[1,5)', null), (1, 2, '[5,9)', 1), (2, 1, null, 1);
insert into rich.booking (id, site, number, customer_id, note) values (1, 1, 2, 100, 'x'), (2, null, null, null, null);
insert into rich.event (id, at, region, customer_id, amount) values
    (1, '2019-05-05', 'eu', 100, 1), (2, '2020-05-05', 'EU', 110, 2.5), (3, '2020-06-06', 'us', null, 0),
    (4, '2021-07-07', 'eu', 100, null);
insert into rich.hashed select n, n::text from generate_series(1, 9) as n;
insert into rich.pointer values (1, 3), (2, null);
insert into rich.tree values (1, null), (12, 1);
insert into rich.heir (own, b, z, a, c) values ('x', 'b', 'z', 1, 'p');
insert into rich.ancestor values (5, 'five');
insert into rich.no_key values (1, 1.50, '{1}'), (1, 1.50, '{1}'), (null, 'NaN', null);
insert into rich.cache values ('k', 'v');
insert into rich.heap values (1);
insert into "Odd. Schema"."Odd ""table"".x" values (1, 'sel', 'ü', 63);
refresh materialized view rich.populated;
