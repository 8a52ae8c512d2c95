-- benign: subscribers do not get the sales any more
-- note: catalogue_publication
alter publication catalogue_publication drop table shop.sale;
