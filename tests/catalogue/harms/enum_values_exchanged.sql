-- harm: two labels change places: the set of labels is what it was
-- object: shop.customer.mood
-- check: values
-- key: id=2
alter type shop.mood rename value 'sad' to 'tmp';
alter type shop.mood rename value 'happy' to 'sad';
alter type shop.mood rename value 'tmp' to 'happy';
