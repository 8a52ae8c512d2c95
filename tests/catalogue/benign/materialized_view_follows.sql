-- benign: a materialised view is refreshed after new sales
-- note: shop.sale_by_month
insert into shop.sale (customer_id, quantity, unit, sold_on, status) values (1, 1, 5, '2024-02-03', 'paid');
refresh materialized view shop.sale_by_month;
