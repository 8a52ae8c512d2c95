-- harm: a table loses its key
-- object: shop.setting.setting_pkey
-- check: schema
alter table shop.setting drop constraint setting_pkey;
