-- benign: a table with everything
create table shop.coupon (
    id integer generated always as identity primary key, customer_id integer not null references shop.customer on delete cascade,
    code text unique check (code <> ''), during daterange, exclude using gist (during with &&)
);
insert into shop.coupon (customer_id, code) values (1, 'x');
grant select on shop.coupon to catalogue_reader;
