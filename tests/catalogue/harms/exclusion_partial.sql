-- harm: an exclusion holds for some rows only
-- object: shop.reservation.reservation_free
-- check: schema
alter table shop.reservation drop constraint reservation_free;
alter table shop.reservation add constraint reservation_free exclude using gist (during with &&) where (guest is not null);
