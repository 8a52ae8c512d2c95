-- harm: an attribute of the type goes, and with it a part of every value
-- object: shop.customer.home
-- check: values
-- key: id=1
alter type shop.address drop attribute postcode cascade;
