-- benign: the same key again
alter table shop.price drop constraint price_pkey;
alter table shop.price add primary key (sku, region);
