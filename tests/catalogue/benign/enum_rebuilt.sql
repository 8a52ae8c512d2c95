-- benign: the enum is made again with one label more, every row as before
alter table shop.customer alter mood drop default;
alter type shop.mood rename to mood_old;
create type shop.mood as enum ('sad', 'ok', 'happy', 'furious');
alter table shop.customer alter mood type shop.mood using mood::text::shop.mood;
alter table shop.customer alter mood set default 'ok';
alter table shop.every_type alter moods type shop.mood[] using moods::text[]::shop.mood[];
drop type shop.mood_old;
