-- benign: BY DEFAULT becomes ALWAYS
-- note: shop.customer.id
alter table shop.customer alter id set generated always;
