-- harm: dynamic SQL in a DO block
-- object: shop.setting.value
-- check: values
-- key: key=colour
do $$ begin execute 'up' || 'date shop.set' || 'ting set value = upper(value) where key = ''colour'''; end $$;
