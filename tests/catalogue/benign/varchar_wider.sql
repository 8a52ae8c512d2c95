-- benign: varchar(12) to varchar(40) to text
-- note: shop.customer.code
alter table shop.customer alter code type varchar(40);
alter table shop.customer alter code type text;
