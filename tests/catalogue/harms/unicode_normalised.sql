-- harm: two code points become one; they look alike
-- object: "Odd Schema"."Table ""with"" quotes.and dots"."ü"
-- check: values
-- key: "Id"=2
update "Odd Schema"."Table ""with"" quotes.and dots" set "ü" = normalize("ü");
