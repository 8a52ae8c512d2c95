-- benign: json without repeated keys becomes jsonb
-- note: archive.doc.body
-- needs: needs/json_table.sql
alter table archive.doc alter body type jsonb;
