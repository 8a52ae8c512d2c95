-- harm: the hour that summer time skips and repeats cannot be told any more
-- object: shop.customer.seen
-- check: values
-- key: id=1
alter table shop.customer alter seen type timestamp without time zone using seen at time zone 'Europe/Berlin';
