-- harm: an identity begins at 1 again
-- object: shop.document_id_seq
-- check: sequences
alter table shop.document alter id restart;
