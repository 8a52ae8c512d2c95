-- benign: unlogged for the time of a load
alter table shop.setting set unlogged;
alter table shop.setting set logged;
