-- harm: the next number is taken already
-- object: shop.sale_id_seq
-- check: sequences
-- tier: always
alter sequence shop.sale_id_seq restart;
