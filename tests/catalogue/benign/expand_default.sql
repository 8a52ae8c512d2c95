-- benign: new columns with constant and volatile defaults
alter table shop.sale add column currency char(3) not null default 'EUR', add column token uuid default gen_random_uuid();
