-- benign: new rows, and those that are there stay
insert into shop.setting values ('size', 'big'), ('colour', 'green') on conflict (key) do nothing;
insert into shop.document (title, updated_at) values ('Document 11', now());
