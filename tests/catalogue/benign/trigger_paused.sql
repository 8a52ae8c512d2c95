-- benign: triggers are disabled and enabled again
alter table shop.document disable trigger user;
update shop.document set title = title;
alter table shop.document enable trigger user;
