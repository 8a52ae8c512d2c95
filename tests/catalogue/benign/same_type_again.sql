-- benign: ALTER TYPE to the type that it is
alter table shop.customer alter note type text using note || '';
