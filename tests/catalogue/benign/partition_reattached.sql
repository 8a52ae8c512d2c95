-- benign: detached and attached again
-- tier: always
alter table shop.event detach partition shop.event_2023;
alter table shop.event attach partition shop.event_2023 for values from ('2023-01-01') to ('2024-01-01');
