-- harm: an empty twin takes the table's name; the rows are under another
-- object: shop.account
-- check: rows
-- key: id=1
alter table shop.account rename to account_old;
create table shop.account (like shop.account_old including all);
