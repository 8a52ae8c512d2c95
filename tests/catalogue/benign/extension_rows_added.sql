-- benign: a user's row in an extension's table
-- note: shop.projection
-- needs: needs/extension_tables.sql
insert into shop.projection values (31, 'local grid');
update shop.projection set name = name;
