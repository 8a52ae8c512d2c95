-- benign: one more label
alter type shop.mood add value 'furious' before 'sad';
