-- harm: a view that is made again has lost its grants
-- object: public.shown
-- check: privileges
-- needs: needs/shown_view.sql
drop view public.shown;
create view public.shown as select id, name from shop.customer;
