-- harm: what kept a row from being deleted is gone
-- object: shop.setting.setting_keep
-- check: schema
drop rule setting_keep on shop.setting;
