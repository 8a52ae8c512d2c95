-- harm: seeds that overwrite what users set
-- object: shop.setting.value
-- check: values
-- key: key=colour
-- tier: always
insert into shop.setting values ('colour', 'green'), ('size', 'big') on conflict (key) do update set value = excluded.value;
