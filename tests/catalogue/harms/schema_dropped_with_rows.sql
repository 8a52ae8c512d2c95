-- harm: the rows of a dropped schema
-- object: "Odd Schema".an_identifier_that_uses_every_one_of_the_sixty_three_bytes_it_h
-- check: rows
drop schema "Odd Schema" cascade;
