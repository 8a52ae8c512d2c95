-- harm: a domain that was NOT NULL is not
-- object: shop.label
-- check: schema
alter domain shop.label drop not null;
