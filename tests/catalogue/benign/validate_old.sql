-- benign: a constraint that was NOT VALID becomes valid
alter table shop.sale validate constraint sale_recent;
