-- benign: a constraint with another name
-- note: shop.sale.sale_quantity
alter table shop.sale rename constraint sale_quantity to sale_has_quantity;
