-- benign: the exclusion constraint goes and comes back
alter table shop.reservation drop constraint reservation_free;
alter table shop.reservation add constraint reservation_free exclude using gist (during with &&);
