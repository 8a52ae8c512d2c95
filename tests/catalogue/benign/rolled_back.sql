-- benign: a transaction that harms everything and is rolled back
-- tier: always
begin;
truncate shop.customer cascade;
drop table shop.setting;
drop schema archive cascade;
alter table shop.account disable row level security;
update shop.document set title = '';
select lo_unlink(880001);
rollback;
