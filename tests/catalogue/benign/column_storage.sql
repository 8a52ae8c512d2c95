-- benign: values are compressed
-- note: shop.customer.note
alter table shop.customer alter note set storage extended;
