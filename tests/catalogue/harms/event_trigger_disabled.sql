-- harm: what watches dropped objects sleeps
-- object: catalogue_guard
-- check: schema
-- role: superuser
alter event trigger catalogue_guard disable;
