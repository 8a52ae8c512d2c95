-- benign: nothing at all
select 1;
