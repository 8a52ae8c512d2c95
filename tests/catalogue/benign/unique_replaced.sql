-- benign: the unique constraint is made from a unique index, under another name
create unique index concurrently sale_reference_unique on shop.sale (reference);
alter table shop.sale drop constraint sale_reference_key, add constraint sale_reference_unique unique using index sale_reference_unique;
