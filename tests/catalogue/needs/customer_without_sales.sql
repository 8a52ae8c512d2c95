-- One customer who recommended another, and bought nothing.
delete from shop.sale where customer_id = 2;
