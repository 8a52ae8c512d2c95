-- harm: a row moves from the parent to a child
-- object: shop.asset
-- check: rows
-- key: id=1
with moved as (delete from only shop.asset where id = 1 returning *)
insert into shop.vehicle select moved.*, 4 from moved;
