-- harm: MERGE updates a row that it matched
-- object: shop.region_total.total
-- check: values
-- key: region=de
-- since: 15
merge into shop.region_total as old using (values ('de', 9)) as new (region, total) on old.region = new.region
    when matched then update set total = new.total when not matched then insert values (new.region, new.total);
