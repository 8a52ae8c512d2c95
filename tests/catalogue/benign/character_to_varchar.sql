-- benign: padding is no content
-- note: shop.customer.pad
alter table shop.customer alter pad type varchar(8);
