-- harm: the parent's readers miss a dropped child's rows
-- object: shop.building
-- check: rows
drop table shop.building;
