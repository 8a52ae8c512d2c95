-- harm: the application may not write any more
-- object: shop.customer
-- check: privileges
-- tier: always
revoke insert, update on shop.customer from catalogue_writer;
