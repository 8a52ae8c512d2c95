-- harm: its predicate says less
-- object: shop.sale_one_draft
-- check: schema
drop index shop.sale_one_draft;
create unique index sale_one_draft on shop.sale (customer_id) where status = 'draft' and quantity > 1;
