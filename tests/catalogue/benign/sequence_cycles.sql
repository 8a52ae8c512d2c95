-- benign: a sequence may begin again at its end
-- note: shop.sale_id_seq
alter sequence shop.sale_id_seq cycle;
