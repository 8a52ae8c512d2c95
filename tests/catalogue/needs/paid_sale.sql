-- A materialised view whose rows a function chooses.
set role catalogue_owner;
create function shop.is_paid(status shop.status) returns boolean language sql immutable as 'select status::text = ''paid''';
create materialized view shop.paid_sale as select id, total from shop.sale where shop.is_paid(status);
