-- harm: the sequence of a key cannot count on
-- object: shop.sale_id_seq
-- check: sequences
alter sequence shop.sale_id_seq maxvalue 120;
