-- benign: a DO block that reads
do $$ declare n integer; begin select count(*) into n from shop.customer; if n <> 40 then raise 'odd'; end if; end $$;
