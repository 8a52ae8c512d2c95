-- harm: psql runs what a query returned
-- object: shop.setting.value
-- check: values
-- key: key=colour
select 'update shop.setting set value = ''blue'' where key = ''colour''' \gexec
