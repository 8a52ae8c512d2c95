-- harm: reservations may overlap
-- object: shop.reservation.reservation_free
-- check: schema
alter table shop.reservation drop constraint reservation_free;
