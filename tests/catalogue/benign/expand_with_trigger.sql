-- benign: a new column that a trigger keeps equal
-- tier: always
alter table shop.setting add column value_upper text;
create function shop.keep_upper() returns trigger language plpgsql as
    $$ begin new.value_upper := upper(new.value); return new; end $$;
create trigger setting_upper before insert or update on shop.setting for each row execute function shop.keep_upper();
update shop.setting set value = value;
