-- benign: an empty search path, quoted names, comments
set search_path = '';
/* update shop.customer set name = ''; -- */
create table shop."update shop.customer" ("set name = ''" text);
