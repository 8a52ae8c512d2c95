-- benign: a check says the same in other words
alter table shop.sale drop constraint sale_quantity, add constraint sale_quantity check ((quantity) > (0));
