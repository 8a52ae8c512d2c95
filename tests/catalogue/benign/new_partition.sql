-- benign: a partition for the next year
-- tier: always
create table shop.event_2026 partition of shop.event for values from ('2026-01-01') to ('2027-01-01');
