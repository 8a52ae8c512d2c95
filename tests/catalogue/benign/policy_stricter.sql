-- benign: one more restrictive policy
create policy account_rich on shop.account as restrictive for select to catalogue_reader using (balance > 0);
