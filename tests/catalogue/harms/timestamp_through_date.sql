-- harm: through date and back every time of day is midnight
-- object: shop.customer.made
-- check: values
-- key: id=1
-- tier: always
alter table shop.customer alter made type date using made::date;
alter table shop.customer alter made type timestamp without time zone using made::timestamp;
