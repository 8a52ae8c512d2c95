-- harm: a virtual column says something else, and nothing was written
-- object: shop.newest.doubled
-- check: values
-- key: id=1
-- since: 18
alter table shop.newest alter doubled set expression as (a * 3);
