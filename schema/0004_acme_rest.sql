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
