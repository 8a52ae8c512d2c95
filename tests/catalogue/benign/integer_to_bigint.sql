-- benign: wider keys, and what refers to them
-- note: shop.customer.id
-- tier: always
drop view shop.sale_total;
alter table shop.customer alter id type bigint, alter referrer_id type bigint;
alter sequence shop.customer_id_seq as bigint;
alter table shop.sale alter customer_id type bigint;
create view shop.sale_total as select customer_id, sum(total) as total from shop.sale group by customer_id;
grant select on shop.sale_total to catalogue_reader;
