-- What is added to ACME.

-- --- pre-flight: how much was asked of a CA lately ---

create index acme_order_lately on acme_order (account_id, added_at);
create index acme_received_lately on acme_received (received_at);
create index acme_received_names on acme_received using gin (names);

-- --- the end ---

select grant_roles();
