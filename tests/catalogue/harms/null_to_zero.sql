-- harm: an unknown credit becomes none, to make way for NOT NULL
-- object: shop.customer.credit
-- check: values
-- key: id=7
update shop.customer set credit = 0 where credit is null;
alter table shop.customer alter credit set not null;
