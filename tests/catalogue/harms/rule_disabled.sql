-- harm: what kept a row from being deleted sleeps
-- object: shop.setting.setting_keep
-- check: schema
alter table shop.setting disable rule setting_keep;
