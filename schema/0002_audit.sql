-- What is known about each certificate: SCTs, chains, CT policy, revocation,
-- the endpoints that serve it, CAA.

-- What the certificate itself says, read out once by a judge.
create table cert_fact (
	tbs_sha256	bytea primary key,
	cert_sha256	bytea not null,		-- of what was read
	form		text not null check (form in ('x509', 'precert')),
	crl		text[] not null default '{}',	-- CRLDP URIs, as written
	ocsp		text[] not null default '{}',
	aia		text[] not null default '{}',
	must_staple	boolean not null default false,
	short_lived	boolean not null default false,
	presigned	boolean not null default false,	-- RFC 6962 3.1
	weak		text,			-- name of the weakness, null: none
	weak_why	text,
	issuer_sha256	bytea,			-- certificate that signed it, if at hand
	first_sct_ms	bigint,
	caa		text,			-- allowed, violated, unknown; null: not judged
	caa_why		text,
	caa_names	text[] not null default '{}',	-- for which it was judged
	judged_at	timestamptz not null default now()
);
create index cert_fact_judged on cert_fact (judged_at);
create index cert_fact_no_crl on cert_fact (issuer_sha256) where crl = '{}';
create index cert_fact_crl on cert_fact using gin (crl);

-- Certificates of an issuer in batches, each where the last one ended.
drop index issuance_serial;
create index issuance_serial on issuance (issuer_spki_sha256, serial, tbs_sha256);

-- SCTs: what became of each, and of the entry that it promises.
alter table sct add column status text not null default 'unchecked'
	check (status in ('unchecked', 'valid', 'bad_signature', 'unknown_log',
	'not_counted', 'malformed'));
alter table sct add column reason text not null default '';
alter table sct add column leaf_hash bytea;
alter table sct add column leaf_index bigint;
alter table sct add column inclusion text not null default 'none'
	check (inclusion in ('none', 'pending', 'proved', 'violated', 'unchecked'));
alter table sct add column due_at timestamptz;	-- T + MMD
alter table sct add column entry_index bigint;
alter table sct add column proof bytea;		-- audit path, 32 bytes a node
alter table sct add column proof_size bigint;
alter table sct add column head_id bigint references tree_head;
alter table sct add column checked_at timestamptz;
alter table sct add column last_error text;
create index sct_pending on sct (log_id, due_at) where inclusion in ('pending', 'unchecked');

-- A verdict per root program and path; the first path is the best.
create table chain_verdict (
	tbs_sha256	bytea not null,
	program		text not null,
	path_no		int not null,
	verdict		text not null check (verdict in ('trusted', 'untrusted', 'unknown')),
	issued		text not null check (issued in ('trusted', 'untrusted', 'unknown')),
	reason		text not null default '',
	path		bytea[] not null,	-- SHA-256, leaf first
	until		timestamptz,
	judged_at	timestamptz not null default now(),
	primary key (tbs_sha256, program, path_no)
);

create table ct_verdict (
	tbs_sha256	bytea not null,
	program		text not null check (program in ('chrome', 'apple')),
	compliant	boolean,		-- null: cannot be judged
	reason		text not null default '',
	judged_at	timestamptz not null default now(),
	primary key (tbs_sha256, program)
);

-- A URL that speaks for one issuer's certificates.
create table revocation_source (
	id		bigint generated always as identity primary key,
	kind		text not null check (kind in ('crl', 'ocsp')),
	url		text not null,
	issuer_spki_sha256 bytea not null,
	issuer_sha256	bytea,			-- a certificate of that issuer
	origin		text not null default 'certificate'
			check (origin in ('certificate', 'ccadb')),
	state		text not null default 'new' check (state in ('new', 'good',
			'faulty', 'unreachable')),
	fault		text,			-- its name: stale, rewound, bad_signature ...
	why		text,			-- a sentence
	failing_since	timestamptz,
	checked_at	timestamptz,		-- last try
	ok_at		timestamptz,		-- last time that it was good
	this_update	timestamptz,
	next_update	timestamptz,
	number		text,			-- CRLNumber, hex; never goes back
	sha256		bytea,			-- of the tbsCertList as it was
	bytes		bigint,
	entries		bigint,
	etag		text,
	last_modified	text,
	probed_at	timestamptz,		-- last asked about a serial that nobody issued
	added_at	timestamptz not null default now(),
	unique (kind, url, issuer_spki_sha256)
);
create index revocation_source_ccadb on revocation_source (issuer_spki_sha256)
	where origin = 'ccadb';

-- The merged status of one certificate: issuer key and serial.
create table revocation (
	issuer_spki_sha256 bytea not null,
	serial		text not null,		-- hex, as in issuance
	status		text not null check (status in ('good', 'revoked', 'unknown',
			'not_applicable')),
	reason		int,			-- RFC 5280 5.3.1
	stated_at	timestamptz,		-- as the CA says
	observed_at	timestamptz,		-- first seen revoked by us
	why		text not null default '',
	disagree_since	timestamptz,		-- one says revoked, another good
	expected	bigint references expectation,
	removed_at	timestamptz,		-- was revoked and is not any more
	published_s	bigint,			-- order to publication, seconds
	changed_at	timestamptz not null default now(),
	checked_at	timestamptz not null default now(),
	primary key (issuer_spki_sha256, serial)
);
create index revocation_revoked on revocation (observed_at) where status = 'revoked';

-- What each source says of each certificate, and every change of it: the
-- newest row of a (certificate, source) is what it says now.
create table revocation_status (
	id		bigint generated always as identity primary key,
	issuer_spki_sha256 bytea not null,
	serial		text not null,
	source_id	bigint not null references revocation_source,
	status		text not null check (status in ('good', 'revoked', 'unknown')),
	reason		int,
	stated_at	timestamptz,
	refusal		text,			-- why unknown
	fresh_until	timestamptz,		-- of an OCSP answer; a CRL's is its source's
	first_seen	timestamptz not null default now(),
	last_seen	timestamptz not null default now(),
	-- evidence of the first sight
	form		text check (form in ('crl', 'crl_parts', 'ocsp')),
	raw		bytea,			-- whole CRL, its parts (evidence.md), or OCSP answer
	sha256		bytea			-- of the tbsCertList, or of the whole answer
);
create index revocation_status_of on revocation_status (issuer_spki_sha256, serial, source_id, id desc);
create index revocation_status_source on revocation_status (source_id);

-- When an OCSP responder is asked again about a certificate.
create table ocsp_due (
	source_id	bigint not null references revocation_source,
	serial		text not null,
	due_at		timestamptz not null default now(),
	tries		int not null default 0,
	primary key (source_id, serial)
);
create index ocsp_due_due on ocsp_due (source_id, due_at);

-- What is expected: a revocation that we ordered, by issuer key and serial.
alter table expectation add column issuer_spki_sha256 bytea;
alter table expectation add column serial text;
alter table expectation add column reason_code int;
create index expectation_revocation on expectation (serial) where kind = 'revocation';

create table endpoint (
	id		bigint generated always as identity primary key,
	host		text not null,		-- A-labels, lower case, or an address
	port		int not null check (port between 1 and 65535),
	starttls	text not null default '' check (starttls in ('', 'smtp', 'imap')),
	owner		text not null default '',
	origin		text not null check (origin in ('config', 'cli')),
	added_at	timestamptz not null default now(),
	removed_at	timestamptz,
	checked_at	timestamptz,
	ok_at		timestamptz,
	failing_since	timestamptz,
	last_error	text
);
create unique index endpoint_live on endpoint (host, port, starttls) where removed_at is null;

-- What an address of an endpoint served; a new row when that changes.
create table endpoint_observation (
	id		bigint generated always as identity primary key,
	endpoint_id	bigint not null references endpoint,
	addr		text not null,
	cert_sha256	bytea,			-- null: no handshake
	tbs_sha256	bytea,
	chain		bytea[] not null default '{}',	-- SHA-256, as served, leaf first
	tls_version	text,
	staple		bytea,			-- OCSP answer
	scts		bytea,			-- TLS extension
	error		text,
	first_seen	timestamptz not null default now(),
	last_seen	timestamptz not null default now()
);
create index endpoint_observation_of on endpoint_observation (endpoint_id, addr, id desc);
create index endpoint_observation_tbs on endpoint_observation (tbs_sha256);

-- A certificate that was served (or submitted) and may be in no log.
create table served_certificate (
	sha256		bytea primary key,
	tbs_sha256	bytea not null,
	der		bytea not null,
	first_seen	timestamptz not null default now()
);
create index served_certificate_tbs on served_certificate (tbs_sha256);

-- CAA record sets as they were; a new row when the set changes.
create table caa_observation (
	id		bigint generated always as identity primary key,
	name		text not null,		-- that was asked for
	found_at	text not null default '', -- where the set is; "": none
	records		jsonb not null,
	grants		jsonb not null default '[]', -- _validation-persist
	ttl		bigint not null default 0,
	ad		boolean not null default false,	-- said by the resolver
	resolver	text not null default '',
	accepted	boolean not null default false,	-- a person knows it
	error		text,
	first_seen	timestamptz not null default now(),
	last_seen	timestamptz not null default now()
);
create index caa_observation_of on caa_observation (name, id desc);

-- Nightly audits: what was reported, so that the next says what is new.
create table audit_report (
	id		bigint generated always as identity primary key,
	started_at	timestamptz not null default now(),
	finished_at	timestamptz,
	since		timestamptz,
	first_line	text,
	verdict		int,			-- exit status
	body		jsonb
);

create view report_revocation as
select encode(r.issuer_spki_sha256, 'hex') as issuer_spki_sha256, r.serial,
    r.status, r.reason, r.stated_at, r.observed_at, r.disagree_since, r.why,
    r.checked_at from revocation r;

create view report_endpoint as
select e.host, e.port, e.starttls, e.owner, o.addr,
    encode(o.cert_sha256, 'hex') as cert_sha256,
    encode(o.tbs_sha256, 'hex') as tbs_sha256, o.tls_version, o.error,
    o.first_seen, o.last_seen
from endpoint e join endpoint_observation o on o.endpoint_id = e.id
where e.removed_at is null and o.id = (select max(p.id)
    from endpoint_observation p where p.endpoint_id = e.id and p.addr = o.addr);

select grant_roles();
do $$
begin
	grant select on report_revocation, report_endpoint to certvigil_report;
exception when insufficient_privilege or undefined_object then
	null;
end $$;
