-- harm: a role may not read a column any more
-- object: shop.customer.name
-- check: privileges
revoke select (name) on shop.customer from catalogue_other;
