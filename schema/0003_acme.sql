-- What we order: accounts, managed certificates and the orders for them.  Keys
-- lie in the state directory and nowhere here.

create table acme_account (
	id		bigint generated always as identity primary key,
	directory	text not null,		-- URL of the CA's directory
	url		text not null,		-- of the account (kid)
	key_id		text not null,		-- of the sign process
	thumbprint	text not null,		-- RFC 7638
	contact		text not null default '',
	status		text not null default 'valid'
			check (status in ('valid', 'deactivated')),
	added_at	timestamptz not null default now(),
	changed_at	timestamptz not null default now()
);
create unique index acme_account_live on acme_account (directory)
	where status = 'valid';

-- A certificate that we keep: its names, and the newest that was issued.
create table managed_certificate (
	id		bigint generated always as identity primary key,
	name		text not null,		-- the first of its names
	names		text[] not null,	-- as ordered, A-labels
	origin		text not null check (origin in ('config', 'cli')),
	challenge	text,			-- null: the first that fits
	key_kind	text not null,
	profile		text,
	directory	text not null,
	added_at	timestamptz not null default now(),
	removed_at	timestamptz,
	key_id		text,			-- of the newest
	cert_sha256	bytea,
	tbs_sha256	bytea,
	issuer_spki_sha256 bytea,
	serial		text,
	not_before	timestamptz,
	not_after	timestamptz,
	issued_at	timestamptz,
	deployed_to	text,
	attempts	int not null default 0,	-- failures in a row
	next_at		timestamptz,		-- not tried before
	last_error	text,
	-- what the CA advises of the newest (RFC 9773)
	ari_id		text,
	ari_start	timestamptz,
	ari_end		timestamptz,
	ari_pick	timestamptz,		-- chosen once in that window
	ari_url		text,			-- explanationURL
	ari_next	timestamptz		-- asked again then
);
create unique index managed_certificate_live on managed_certificate (name)
	where removed_at is null;

-- One order: all that is needed to go on with it, written before each request.
create table acme_order (
	id		bigint generated always as identity primary key,
	managed_id	bigint not null references managed_certificate,
	account_id	bigint not null references acme_account,
	url		text,			-- null: the CA has not said
	state		text not null default 'open'
			check (state in ('open', 'valid', 'failed')),
	flow		jsonb not null default '{}',
	key_id		text,
	spki_sha256	bytea,
	expectation	bigint references expectation,
	holder		text,			-- host:pid that drives it
	held_until	timestamptz,
	error		text,
	added_at	timestamptz not null default now(),
	changed_at	timestamptz not null default now()
);
create unique index acme_order_open on acme_order (managed_id)
	where state = 'open';

-- Who agreed to the revocation of what a finding is about (respond.approvals).
create table respond_approval (
	finding_id	bigint not null references finding,
	author		text not null,
	added_at	timestamptz not null default now(),
	primary key (finding_id, author)
);
