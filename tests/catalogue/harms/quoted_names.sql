-- harm: a column named like a keyword in a table named like nothing else
-- object: "Odd Schema"."Table ""with"" quotes.and dots"."select"
-- check: values
-- key: "Id"=1
update "Odd Schema"."Table ""with"" quotes.and dots" set "select" = 'FROM' where "Id" = 1;
