-- harm: timestamp(3) rounds
-- object: shop.customer.seen
-- check: values
-- key: id=1
alter table shop.customer alter seen type timestamp(3) with time zone;
