-- benign: revoked and granted again
revoke insert on shop.customer from catalogue_writer;
grant insert on shop.customer to catalogue_writer;
