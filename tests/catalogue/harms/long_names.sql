-- harm: a name of 63 bytes
-- object: "Odd Schema".an_identifier_that_uses_every_one_of_the_sixty_three_bytes_it_h.value
-- check: values
-- key: id=2
update "Odd Schema".an_identifier_that_uses_every_one_of_the_sixty_three_bytes_it_h set value = -value where id = 2;
