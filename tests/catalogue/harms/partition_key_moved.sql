-- harm: a new date moves a row to another partition, and is a part of its key
-- object: shop.event
-- check: rows
-- key: id=3, at=2023-07-31
update shop.event set at = at + 365 where id = 3;
