-- benign: a grant on two columns becomes one on the table
-- note: shop.customer.name
revoke select (id, name) on shop.customer from catalogue_other;
grant select on shop.customer to catalogue_other;
