-- harm: a collation is dropped after its column left it
-- object: shop.bytes
-- check: schema
alter table "Odd Schema"."Table ""with"" quotes.and dots" alter "ü" type text collate "C";
drop collation shop.bytes;
