-- benign: tables are written anew
vacuum full shop.sale, shop.log, shop.document;
vacuum (analyze) shop.customer;
