-- benign: the planner knows less
-- note: shop.sale_statistics
drop statistics shop.sale_statistics;
