-- benign: two equal rows of a table without key change places
update shop.log set line = line where line = 'same line 5';
