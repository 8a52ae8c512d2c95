-- harm: the unique index is INVALID, as after a failed REINDEX CONCURRENTLY
-- object: shop.customer_email
-- check: schema
-- role: superuser
update pg_index set indisvalid = false where indexrelid = 'shop.customer_email'::regclass;
