-- harm: positions of words are dropped from the search column
-- object: shop.document.words
-- check: values
-- key: id=4
update shop.document set words = 'word4:1'::tsvector where id = 4;
