-- benign: a composite type has one attribute more, which is empty
-- note: shop.address
alter type shop.address add attribute country text cascade;
