-- harm: nothing numbers new rows
-- object: shop.customer_id_seq
-- check: sequences
alter table shop.customer alter id drop identity;
