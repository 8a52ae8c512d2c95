-- harm: each row that had it reads otherwise, and nothing was written
-- object: shop.customer.mood
-- check: values
-- key: id=3
-- tier: always
alter type shop.mood rename value 'sad' to 'unhappy';
