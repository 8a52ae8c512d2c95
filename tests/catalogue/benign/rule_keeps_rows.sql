-- benign: a rule keeps one row from being changed
-- note: shop.setting.setting_fixed
create rule setting_fixed as on update to shop.setting where old.key = 'version' do instead nothing;
