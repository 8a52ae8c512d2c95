-- benign: a partition with another name
-- note: shop.event_2023
alter table shop.event_2023 rename to event_y2023;
