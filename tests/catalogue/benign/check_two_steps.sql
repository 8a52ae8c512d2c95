-- benign: NOT VALID, then VALIDATE
alter table shop.sale add constraint sale_unit check (unit >= 0) not valid;
alter table shop.sale validate constraint sale_unit;
