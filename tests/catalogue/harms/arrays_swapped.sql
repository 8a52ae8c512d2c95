-- harm: an empty array and one of a NULL change places
-- object: shop.customer.tags
-- check: values
-- key: id=1
update shop.customer set tags = case id when 1 then '{}' else '{NULL}' end::text[] where id in (1, 4);
