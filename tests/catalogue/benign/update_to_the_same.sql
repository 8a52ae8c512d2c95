-- benign: every row is written, none changes
update shop.customer set name = name, doc = doc, credit = credit + 0, score = score;
