-- benign: each row reads as it did
-- note: shop.customer.mood
alter table shop.customer alter mood drop default;
alter table shop.customer alter mood type text using mood::text;
