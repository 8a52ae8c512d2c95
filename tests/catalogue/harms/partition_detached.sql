-- harm: a detached partition keeps its rows, its parent's readers miss them
-- object: shop.event
-- check: rows
-- tier: always
alter table shop.event detach partition shop.event_2023;
