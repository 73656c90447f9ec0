-- What is added to ACME.

-- --- pre-flight: how much was asked of a CA lately ---

create index acme_order_lately on acme_order (account_id, added_at);
create index acme_order_before on acme_order (managed_id, added_at);
create index acme_received_lately on acme_received (received_at);
-- sets of names are sorted, and can be longer than a btree takes
create index acme_received_set on acme_received using hash (names);

-- --- the end ---

select grant_roles();
