-- harm: RESTART IDENTITY, and the rows come back with their numbers
-- object: shop.audit_id_seq
-- check: sequences
begin;
create temporary table kept on commit drop as select * from shop.audit;
truncate shop.audit restart identity;
insert into shop.audit select * from kept;
commit;
