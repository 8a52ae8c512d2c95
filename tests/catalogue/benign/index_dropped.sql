-- benign: an index that kept nothing unique
-- note: shop.customer_born
drop index shop.customer_born;
