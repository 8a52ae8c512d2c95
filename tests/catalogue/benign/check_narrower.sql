-- benign: a check allows less
-- note: shop.customer.customer_credit
alter table shop.customer drop constraint customer_credit, add constraint customer_credit check (credit >= 0 and credit < 1000000);
