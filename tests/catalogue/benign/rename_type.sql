-- benign: an enum and a domain with other names
-- note: shop.mood
alter type shop.mood rename to feeling;
alter domain shop.percent rename to share;
alter domain shop.share rename constraint percent_range to share_range;
