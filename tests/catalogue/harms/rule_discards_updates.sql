-- harm: a rule discards each change
-- object: shop.sale.sale_off
-- check: schema
create rule sale_off as on update to shop.sale do instead nothing;
