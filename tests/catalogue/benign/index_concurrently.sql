-- benign: an index built beside the writers
-- tier: always
create index concurrently sale_sold_on on shop.sale (sold_on);
