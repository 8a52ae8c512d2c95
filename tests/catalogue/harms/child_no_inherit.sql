-- harm: readers of the parent miss the rows of a child that does not inherit any more
-- object: shop.asset
-- check: rows
-- tier: always
alter table shop.vehicle no inherit shop.asset;
