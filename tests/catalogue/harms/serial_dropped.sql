-- harm: CASCADE takes the default along: nothing numbers new rows
-- object: shop.sale_id_seq
-- check: sequences
drop sequence shop.sale_id_seq cascade;
