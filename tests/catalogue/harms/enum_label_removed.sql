-- harm: the enum is made again without a label, its rows are mapped to another
-- object: shop.customer.mood
-- check: values
-- key: id=3
alter table shop.customer alter mood drop default;
alter type shop.mood rename to mood_old;
create type shop.mood as enum ('ok', 'happy');
alter table shop.customer alter mood type shop.mood using (case when mood = 'sad' then 'ok' else mood::text end)::shop.mood;
alter table shop.customer alter mood set default 'ok';
