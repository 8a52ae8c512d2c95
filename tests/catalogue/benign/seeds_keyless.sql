-- benign: one new row in a table without key
insert into shop.log values ('2025-01-01', 'info', 'a line of its own');
