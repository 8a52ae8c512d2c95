-- harm: a trigger writes to a column by the name that it had: every UPDATE fails
-- object: shop.document
-- check: works
-- tier: always
alter table shop.document rename column updated_at to changed_at;
