-- benign: one more table that inherits
create table shop.boat (length integer, primary key (id)) inherits (shop.asset);
