-- benign: timestamps that were in UTC, and now say so
-- note: shop.sale.sold_at
alter table shop.sale alter sold_at type timestamp with time zone using sold_at at time zone 'UTC';
