-- What came to ACME after 0003.

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

-- --- pre-flight: how much was asked of a CA lately ---

create index acme_order_lately on acme_order (account_id, added_at);
create index acme_received_lately on acme_received (received_at);
create index acme_received_names on acme_received using gin (names);

-- --- the end ---

select grant_roles();
