-- benign: unique in fewer columns than before
alter table shop.price drop constraint price_pkey, add constraint price_pkey primary key (sku, region);
alter table shop.pair drop constraint pair_key;
delete from shop.pair where false;
create unique index pair_v on shop.pair (v);
alter table shop.pair add constraint pair_key unique (b, a);
