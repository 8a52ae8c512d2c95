-- harm: a procedure that commits on its own before the transaction could be rolled back
-- object: shop.account.balance
-- check: values
-- key: id=2
create procedure shop.sly() language plpgsql as
    $$ begin update shop.account set balance = 1 where id = 2; commit; rollback; end $$;
call shop.sly();
drop procedure shop.sly();
