-- harm: two partitions swap a value
-- object: shop.region_total.total
-- check: values
-- key: region=de
update shop.region_total set total = case region when 'de' then 3 else 1 end where region in ('de', 'us');
