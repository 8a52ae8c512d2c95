-- harm: the unique index is gone
-- object: shop.sale_one_draft
-- check: schema
drop index shop.sale_one_draft;
