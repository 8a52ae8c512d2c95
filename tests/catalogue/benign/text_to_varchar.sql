-- benign: a bound that no value reaches
-- note: shop.setting.value
alter table shop.setting alter value type varchar(100);
