-- harm: a function under a materialised view finds nothing any more, and the view is refreshed
-- object: shop.paid_sale
-- check: rows
-- needs: needs/paid_sale.sql
create or replace function shop.is_paid(status shop.status) returns boolean language sql immutable as 'select status::text = ''payed''';
refresh materialized view shop.paid_sale;
