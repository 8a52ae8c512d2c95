-- benign: 1.0 and 1.00 are one number
update shop.every_type set big = big * 1.000 where big <> 'NaN';
