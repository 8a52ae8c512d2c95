update shop.arrays set docs = array['{"a": 1, "a": 2}']::json[] where id = 2;
