-- benign: settings of the session that change how values print
set datestyle = 'German';
set timezone = 'Asia/Kolkata';
set intervalstyle = 'iso_8601';
set extra_float_digits = -3;
set bytea_output = escape;
update shop.every_type set gap = gap;
