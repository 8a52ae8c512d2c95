-- benign: the cache survives a crash
alter table shop.cache set logged;
