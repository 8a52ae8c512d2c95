-- harm: a value in one partition
-- object: shop.event.amount
-- check: values
-- key: id=10, at=2023-12-18
update shop.event_2023 set amount = amount + 0.01 where id = 10;
