-- benign: indexes are built again
reindex table shop.customer;
reindex index concurrently shop.sale_pkey;
