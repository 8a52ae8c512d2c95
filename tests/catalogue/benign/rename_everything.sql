-- benign: table, key, index, constraint, sequence, trigger, policy
-- note: shop.document
alter table shop.document rename to paper;
alter table shop.paper rename column title to heading;
alter index shop.document_pkey rename to paper_pkey;
alter sequence shop.document_id_seq rename to paper_id_seq;
alter trigger document_touch on shop.paper rename to paper_touch;
alter table shop.account rename to ledger;
alter policy account_own on shop.ledger rename to ledger_own;
alter table shop.customer rename constraint customer_credit to customer_has_credit;
alter index shop.customer_email rename to customer_mail;
create or replace function shop.my_balance(account integer) returns numeric language sql stable security definer
    set search_path = pg_catalog, shop as 'select balance from shop.ledger where id = $1';
