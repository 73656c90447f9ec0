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

-- --- the loop: what is renewed before its time, and who was asked about it ----

-- Due now, whatever its age, and why; null: by its age and the CA's advice.
alter table managed_certificate add column due_why text;

-- One that was revoked and that we did not order to be: once.
create table acme_replacement (
	tbs_sha256	bytea primary key,
	managed_id	bigint not null references managed_certificate,
	asked		boolean not null,	-- for another one
	why		text not null,		-- or why not
	added_at	timestamptz not null default now()
);
create index acme_replacement_of on acme_replacement (managed_id, added_at);

create index managed_certificate_tbs on managed_certificate (tbs_sha256);
create index managed_certificate_issuer on managed_certificate
	(issuer_spki_sha256, directory);

-- An order that was lost, and whose certificate a log shows.
alter table acme_order add column late_at timestamptz;	-- asked for again since
alter table acme_order add column late_tries int not null default 0;

-- Where a CA is asked when its certificates are to be renewed (RFC 9773), as
-- the directories say that we order from.
create table ari_directory (
	directory	text primary key,
	issuer_owner	text,			-- CAA identity; null: not known
	url		text not null,		-- renewalInfo
	seen_at		timestamptz not null default now()
);

-- What it advises for certificates that are not ours.
create table ari (
	tbs_sha256	bytea primary key,
	ari_id		text,			-- null: it has none
	start_at	timestamptz,
	end_at		timestamptz,
	pick_at		timestamptz,		-- chosen once in that window
	url		text,			-- explanationURL
	moved_at	timestamptz,		-- the CA wants it gone
	checked_at	timestamptz not null default now(),
	last_error	text
);

-- --- end of the loop ---------------------------------------------------------

-- --- respond ------------------------------------------------------------------

-- An approval is of a certificate, and of a person: whoever logged in stays
-- the same one whatever user they become (loginuid; null: not known).
alter table respond_approval
	add column tbs_sha256	bytea,
	add column login_uid	bigint;

-- Orders that only prove names, so that one that was cut off is gone on with.
create table respond_flow (
	finding_id	bigint not null references finding,
	first_name	text not null,		-- of the batch
	account_id	bigint not null references acme_account,
	state		bytea not null,		-- acme/flow.h, flow_save()
	saved_at	timestamptz not null default now(),
	primary key (finding_id, first_name)
);

-- --- end of respond -----------------------------------------------------------

-- --- orders: what else may be asked for ----------------------------------------

-- The same key again at each renewal; no certificate without the profile.
alter table managed_certificate
	add column reuse_key		boolean not null default false,
	add column require_profile	boolean not null default false;
alter table acme_order add column key_kind text;	-- of the key that it is for

-- --- end of orders -------------------------------------------------------------

select grant_roles();
