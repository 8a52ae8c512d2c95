-- harm: an address loses its netmask
-- object: shop.every_type.host
-- check: values
-- key: id=1
update shop.every_type set host = host(host)::inet where id = 1;
