-- harm: what subscribers follow is gone
-- object: catalogue_publication
-- check: schema
drop publication catalogue_publication;
