-- harm: the time of day goes
-- object: shop.sale.sold_at
-- check: values
-- key: id=1
alter table shop.sale alter sold_at type date;
