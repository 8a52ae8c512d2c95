-- harm: the catalog says valid, the rows say otherwise
-- object: shop.price.price_sku_fkey
-- check: foreign_keys
-- role: superuser
alter table shop.price drop constraint price_sku_fkey;
insert into shop.price values ('nothing', 'de', 1);
alter table shop.price add constraint price_sku_fkey foreign key (sku) references shop.product (sku)
    on update cascade on delete cascade not valid;
update pg_constraint set convalidated = true where conname = 'price_sku_fkey';
