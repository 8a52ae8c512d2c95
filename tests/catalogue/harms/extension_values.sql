-- harm: a value in a table without key that belongs to an extension
-- object: shop.unit
-- check: rows
-- needs: needs/extension_tables.sql
update shop.unit set factor = 999 where code = 'km';
