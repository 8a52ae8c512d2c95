-- harm: a unique constraint that was checked at once is deferrable, and no target for ON CONFLICT
-- object: shop.sale.sale_reference_key
-- check: schema
alter table shop.sale drop constraint sale_reference_key;
alter table shop.sale add constraint sale_reference_key unique (reference) deferrable initially deferred;
