-- harm: a rule discards each new row
-- object: shop.audit.audit_off
-- check: schema
create rule audit_off as on insert to shop.audit do instead nothing;
