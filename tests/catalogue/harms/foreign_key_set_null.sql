-- harm: ON DELETE SET NULL forgets who recommended whom
-- object: shop.customer.referrer_id
-- check: foreign_keys
-- key: id=3
-- needs: needs/customer_without_sales.sql
delete from shop.customer where id = 2;
