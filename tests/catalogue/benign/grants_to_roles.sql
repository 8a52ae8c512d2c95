-- benign: a role may do more
grant select on shop.sale, shop.setting to catalogue_writer;
grant usage on sequence shop.sale_id_seq to catalogue_writer;
