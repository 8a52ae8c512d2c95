-- harm: the column of the parent is dropped, and those of the children with it
-- object: shop.asset.worth
-- check: values
alter table shop.asset drop column worth;
