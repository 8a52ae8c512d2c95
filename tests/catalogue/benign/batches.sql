-- benign: a backfill in batches that commit
alter table shop.customer add column born_year integer;
do $$
begin
    for batch in 0..3 loop
        update shop.customer set born_year = extract(year from born) where id between batch * 10 + 1 and batch * 10 + 10;
        commit;
    end loop;
end
$$;
