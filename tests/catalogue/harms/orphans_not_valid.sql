-- harm: the constraint comes back NOT VALID over orphans
-- object: shop.sale_line.sale_line_sale
-- check: foreign_keys
alter table shop.sale_line drop constraint sale_line_sale;
delete from shop.sale where id = 8;
alter table shop.sale_line add constraint sale_line_sale foreign key (sale_id) references shop.sale (id)
    on delete cascade deferrable not valid;
