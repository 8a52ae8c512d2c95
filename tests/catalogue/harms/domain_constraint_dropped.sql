-- harm: a domain lets everything through
-- object: shop.percent.percent_range
-- check: schema
-- tier: always
alter domain shop.percent drop constraint percent_range;
