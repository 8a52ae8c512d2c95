-- benign: the table is another role's
-- note: shop.setting
alter table shop.setting owner to catalogue_other;
