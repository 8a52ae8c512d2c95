-- benign: one more constraint
alter table shop.account add constraint account_positive check (balance > 0);
