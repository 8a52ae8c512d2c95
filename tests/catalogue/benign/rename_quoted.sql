-- benign: quoted names
-- note: "Odd Schema"."Table ""with"" quotes.and dots"."select"
alter table "Odd Schema"."Table ""with"" quotes.and dots" rename column "select" to "from ""where""";
