-- --- pre-flight: how much was asked of a CA lately ---------------------------

create index acme_order_lately on acme_order (account_id, added_at);
create index acme_order_before on acme_order (managed_id, added_at);
create index acme_received_lately on acme_received (received_at);
-- sets of names are sorted, and can be longer than a btree takes
create index acme_received_set on acme_received using hash (names);

-- --- end of pre-flight --------------------------------------------------------

-- --- import: what other ACME clients of ours have ----------------------------

-- Where a certificate or key was found: certbot, shop.example, web1.
alter table known add column client text;
alter table known add column host text;
alter table known add column lineage text;

-- Accounts that may order for us, beside our own: a grant that names one of
-- them is expected.
create table known_account (
	id		bigint generated always as identity primary key,
	url		text not null,		-- as accounturi has it
	client		text,
	host		text,
	source		text,
	place		text,
	author		text not null,
	added_at	timestamptz not null default now(),
	removed_at	timestamptz
);
create unique index known_account_once on known_account
	(url, coalesce(host, ''), coalesce(source, ''))
	where removed_at is null;

-- --- end of import -----------------------------------------------------------

select grant_roles();
