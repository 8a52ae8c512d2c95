-- harm: a domain allows more
-- object: shop.percent.percent_range
-- check: schema
alter domain shop.percent drop constraint percent_range;
alter domain shop.percent add constraint percent_range check (value between 0 and 1000);
