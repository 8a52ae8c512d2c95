-- benign: comments say something else
-- note: shop.customer
-- tier: always
comment on table shop.customer is 'who bought';
comment on column shop.customer.credit is null;
