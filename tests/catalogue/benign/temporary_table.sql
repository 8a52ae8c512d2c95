-- benign: a temporary table with the name of a real one
create temporary table customer as select * from shop.customer;
update customer set name = 'nobody';
delete from pg_temp.customer;
