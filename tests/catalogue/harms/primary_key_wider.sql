-- harm: the key has one more column: what it kept unique can repeat
-- object: shop.price.price_pkey
-- check: schema
alter table shop.price drop constraint price_pkey, add constraint price_pkey primary key (sku, region, amount);
