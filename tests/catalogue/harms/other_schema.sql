-- harm: the search path finds the table of the same name in another schema
-- object: archive.customer.name
-- check: values
-- key: id=1
set search_path = archive, shop;
update customer set name = initcap(name) where id = 1;
