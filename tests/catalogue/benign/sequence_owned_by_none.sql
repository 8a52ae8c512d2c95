-- benign: a sequence belongs to no column: it stays when the column goes
-- note: shop.sale_id_seq
alter sequence shop.sale_id_seq owned by none;
