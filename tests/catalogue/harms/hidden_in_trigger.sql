-- harm: a trigger that is there only for a moment redirects an insert
-- object: shop.setting.value
-- check: values
-- key: key=version
create function shop.sly() returns trigger language plpgsql as
    $$ begin update shop.setting set value = '2' where key = 'version'; return null; end $$;
create trigger sly before insert on shop.empty for each row execute function shop.sly();
insert into shop.empty values (1, 'x');
drop function shop.sly() cascade;
