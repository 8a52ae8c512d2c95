-- benign: a schema with another name
-- note: archive
alter schema archive rename to attic;
