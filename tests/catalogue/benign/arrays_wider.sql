-- benign: arrays of wider types, value by value the same
-- note: shop.arrays.amounts
-- note: shop.arrays.times
-- needs: needs/arrays.sql
-- tier: always
alter table shop.arrays alter column amounts type numeric(14, 4)[], alter column numbers type numeric(20, 3)[],
    alter column parts type double precision[] using parts::text::double precision[], alter column times type timestamptz[] using times::timestamptz[],
    alter column days type timestamp[], alter column docs type jsonb[] using docs::jsonb[], alter column codes type text[],
    alter column labels type text[], alter column flags type integer[] using flags::integer[], alter column moods type text[];
