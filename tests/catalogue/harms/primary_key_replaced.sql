-- harm: a new number becomes the key; the old one may repeat
-- object: shop.setting.setting_pkey
-- check: schema
alter table shop.setting drop constraint setting_pkey;
alter table shop.setting add column id integer generated always as identity constraint setting_pkey primary key;
