-- harm: times that were in UTC are read as New York's
-- object: shop.sale.sold_at
-- check: values
-- key: id=1
alter table shop.sale alter sold_at type timestamp with time zone using sold_at at time zone 'America/New_York';
