-- harm: rows of an extension's table are deleted, some of the user's and some of its own
-- object: shop.projection
-- check: rows
-- key: id=25
-- needs: needs/extension_tables.sql
delete from shop.projection where id = 25 or id = 3;
