-- An extension with a table for its users' rows beside its own, as PostGIS has spatial_ref_sys. plpgsql is always there.
create table shop.projection (id integer primary key, name text not null);
create table shop.unit (code text, factor numeric);
insert into shop.projection select n, 'projection ' || n from generate_series(1, 30) n;
insert into shop.unit values ('m', 1), ('km', 1000);
alter table shop.projection owner to catalogue_owner;
alter table shop.unit owner to catalogue_owner;
alter extension plpgsql add table shop.projection;
alter extension plpgsql add table shop.unit;
update pg_extension set extconfig = array['shop.projection'::regclass::oid], extcondition = array['WHERE id > 20']
where extname = 'plpgsql';
