-- harm: an empty object and an empty array change places
-- object: shop.customer.doc
-- check: values
-- key: id=1
-- tier: always
update shop.customer set doc = case id when 1 then '[]' else '{}' end::jsonb where id in (1, 2);
