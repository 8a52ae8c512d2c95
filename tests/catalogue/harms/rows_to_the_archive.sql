-- harm: rows are moved to another table, without a word
-- object: shop.audit
-- check: rows
-- key: id=1
create table archive.audit (like shop.audit);
with old as (delete from shop.audit where at < '2024-01-01 03:30:00+00' returning *)
insert into archive.audit select * from old;
