-- harm: a name may be missing
-- object: shop.customer.name
-- check: schema
alter table shop.customer alter name drop not null;
