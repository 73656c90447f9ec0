-- certvigil, first schema.  Times are timestamptz, hashes bytea, log
-- timestamps milliseconds as in RFC 6962.  Distribution keys for a scale-out
-- by Citus: log_ref for entry and what hangs on it, tbs_sha256 for issuance.

-- One row: which instance this is.
create table instance (
	only_row	boolean primary key default true check (only_row),
	id		uuid not null default gen_random_uuid(),
	public_key	bytea,			-- Ed25519, of the instance key
	created_at	timestamptz not null default now()
);
insert into instance default values;

create table operator (
	id		int generated always as identity primary key,
	name		text not null unique,
	emails		text[] not null default '{}'
);

-- Each version of each log list, as received.
create table log_list (
	id		int generated always as identity primary key,
	source		text not null check (source in ('chrome', 'apple', 'file')),
	sha256		bytea not null,
	version		text,
	listed_at	timestamptz,		-- the list's own timestamp
	body		bytea not null,
	signature	bytea,
	verified	boolean not null,	-- its signature was checked and is right
	fetched_at	timestamptz not null default now(),
	checked_at	timestamptz not null default now(), -- last seen unchanged
	unique (source, sha256)
);

create table log (
	id		int generated always as identity primary key,
	log_id		bytea not null unique,	-- SHA-256 of the key
	operator_id	int not null references operator,
	description	text not null,
	protocol	text not null check (protocol in ('rfc6962', 'static')),
	url		text not null,		-- RFC 6962 or submission prefix
	read_url	text not null,		-- where it is read (monitoring prefix)
	hybrid		boolean,		-- RFC 6962 that serves tiles too; null: not asked
	key		bytea not null,		-- SubjectPublicKeyInfo
	mmd		int not null,		-- seconds
	state		text not null,
	state_at	timestamptz,
	interval_from	timestamptz,
	interval_to	timestamptz,
	final_size	bigint,			-- of a read-only log
	final_root	bytea,
	list_source	text not null,
	first_list	boolean not null,	-- was in the first list that we read
	listed		boolean not null default true,
	watched		boolean not null default true, -- we read it
	added_at	timestamptz not null default now()
);

-- What changes with every poll of a log; nothing here is evidence.
create table log_health (
	log_ref		int primary key references log,
	head_id		bigint,			-- newest head that verified
	head_size	bigint,
	head_ms		bigint,			-- its timestamp
	head_at		timestamptz,		-- last time a valid head was received
	first_size	bigint,			-- of the first valid head ever
	polled_at	timestamptz,
	progress_at	timestamptz,		-- last commit of a proven range
	caught_up_at	timestamptz,		-- last time everything up to a head was proven
	entries_per_second double precision,
	growth_per_second double precision,
	page_size	int,
	rate		double precision,	-- requests per second, learned
	throttled_at	timestamptz,		-- last 429
	last_error	text,
	last_error_at	timestamptz,
	failing_since	timestamptz
);

-- Never overwritten: heads are evidence.  last_seen says until when the log
-- showed this very head.
create table tree_head (
	id		bigint generated always as identity primary key,
	log_ref		int not null references log,
	tree_size	bigint not null,
	root_hash	bytea not null,
	timestamp_ms	bigint not null,
	form		text not null check (form in ('sth', 'checkpoint')),
	raw		bytea not null,
	verdict		text not null,		-- valid, bad_signature, wrong_origin, malformed, future
	consistency	text not null default 'pending', -- pending, proved, conflict, smaller
	first_seen	timestamptz not null default now(),
	last_seen	timestamptz not null default now()
);
create unique index tree_head_once on tree_head
	(log_ref, tree_size, timestamp_ms, root_hash, verdict);
create index tree_head_seen on tree_head (log_ref, last_seen);

-- Ranges of a log whose entries were read and proven against head_id.
create table log_range (
	log_ref		int not null references log,
	size_from	bigint not null,
	size_to		bigint not null check (size_to >= size_from),
	frontier	bytea not null,		-- compact range [0, size_to), left to right
	root_hash	bytea not null,		-- root of the tree of size_to
	head_id		bigint not null references tree_head,
	updated_at	timestamptz not null default now(),
	primary key (log_ref, size_from)
);

create table coverage_day (
	log_ref		int not null references log,
	day		date not null,
	size_from	bigint not null,
	size_to		bigint not null,
	root_hash	bytea not null,		-- at size_to
	head_id		bigint not null references tree_head,
	verified_at	timestamptz not null,
	max_lag_seconds	bigint not null default 0,
	gaps		int not null default 0,
	log_list_sha256	bytea,
	watch_set_sha256 bytea,
	proof		bytea,			-- consistency of size_to with head_id
	primary key (log_ref, day)
);

-- That a tree of size1, in which entries that we keep were proven, is the
-- beginning of that of a signed head (RFC 6962 2.1.2).
create table consistency (
	log_ref		int not null references log,
	size1		bigint not null,
	root_hash	bytea not null,		-- of the tree of size1
	head_id		bigint not null references tree_head,
	proof		bytea not null,		-- 32 bytes a node
	primary key (log_ref, size1, head_id)
);

-- --- who cares about what ---------------------------------------------------

create table watch (
	id		bigint generated always as identity primary key,
	pattern		text not null,		-- canonical
	owner		text not null default '',
	policy		text not null default '',
	exclude		text[] not null default '{}',
	origin		text not null check (origin in ('config', 'file', 'cli')),
	added_at	timestamptz not null default now(),
	removed_at	timestamptz
);
create unique index watch_live on watch (pattern, owner) where removed_at is null;

-- Each version of watch_file; its items become rows of watch when they match.
create table watch_file (
	id		int generated always as identity primary key,
	sha256		bytea not null,
	body		bytea not null,		-- canonical patterns, a newline around each
	items		int not null,
	loaded_at	timestamptz not null default now()
);
alter table watch_file alter column body set storage external;

create table source (
	name		text primary key,
	names		text[] not null,
	issuers		text[] not null,
	until		timestamptz,
	origin		text not null check (origin in ('config', 'cli')),
	added_at	timestamptz not null default now()
);

-- Declared legitimate: an issuance (by tbs_sha256) or a key within bounds.
create table known (
	id		bigint generated always as identity primary key,
	tbs_sha256	bytea,
	spki_sha256	bytea,
	names		text[] not null default '{}',	-- bound of the key; empty: none
	issuer_owner	text,				-- bound of the key; null: none
	until		timestamptz,			-- bound of the key; null: none
	trust		text not null check (trust in ('issuance', 'key', 'compromised',
			'rejected', 'seed')),
	origin		text not null,			-- import, accept, source, seed, baseline
	source		text,
	place		text,				-- file, host or lineage it came from
	reason		text,
	author		text not null,
	added_at	timestamptz not null default now(),
	removed_at	timestamptz,
	check (tbs_sha256 is not null or spki_sha256 is not null or trust = 'seed')
);
create index known_tbs on known (tbs_sha256) where removed_at is null;
create index known_spki on known (spki_sha256) where removed_at is null;
-- The names as a hash: a certificate has more of them than a btree takes.
create unique index known_once on known
	(coalesce(tbs_sha256, ''), coalesce(spki_sha256, ''), trust, origin,
	coalesce(issuer_owner, ''), hash_array_extended(names, 0))
	where removed_at is null;
create index known_names on known using gin (names) where removed_at is null;

create table expectation (
	id		bigint generated always as identity primary key,
	kind		text not null check (kind in ('issuance', 'revocation')),
	spki_sha256	bytea,
	names		text[] not null default '{}',
	issuer_owner	text,
	not_before_ms	bigint not null,		-- bounds of the log timestamp
	not_after_ms	bigint not null,
	state		text not null default 'open'
			check (state in ('open', 'fulfilled', 'expired', 'cancelled')),
	tbs_sha256	bytea,				-- what fulfilled it
	origin		text not null,
	author		text not null,
	reason		text,
	added_at	timestamptz not null default now(),
	closed_at	timestamptz
);
create index expectation_open on expectation (spki_sha256) where state = 'open';

-- --- what exists --------------------------------------------------------------

create table issuer (
	sha256		bytea primary key,		-- of the certificate
	spki_sha256	bytea not null,
	der		bytea not null,
	owner		text,				-- CAA identifier of the CA owner
	first_seen	timestamptz not null default now()
);
create index issuer_spki on issuer (spki_sha256);

-- One act of issuing: precertificate and certificate together.
create table issuance (
	tbs_sha256	bytea primary key,
	issuer_spki_sha256 bytea not null,
	serial		text not null,			-- hex
	spki_sha256	bytea not null,
	key_type	text,
	names		text[] not null,
	subject		text not null default '',	-- names in one line
	issuer		text not null default '',
	not_before	timestamptz not null,
	not_after	timestamptz not null,
	issuer_owner	text,
	issued		text not null default 'unchecked'
			check (issued in ('valid', 'invalid', 'unchecked')),
	logged_at	timestamptz,			-- inclusion proven
	first_seen	timestamptz not null default now(),
	-- the decision, and what it was based on
	decision	text check (decision in ('deny', 'misused', 'silent',
			'baseline', 'hold', 'digest', 'page', 'malformed')),
	rule		int,
	rule_reason	text,
	facts		jsonb,
	hold_until	timestamptz,		-- when to decide again; null: not
	decided_at	timestamptz
);
create index issuance_serial on issuance (issuer_spki_sha256, serial);
create index issuance_spki on issuance (spki_sha256);
create index issuance_hold on issuance (hold_until) where hold_until is not null;
create index issuance_decision on issuance (decision, first_seen);

create table certificate (
	sha256		bytea not null,
	not_after	timestamptz not null,
	tbs_sha256	bytea not null,
	form		text not null check (form in ('x509', 'precert')),
	der		bytea not null,
	chain		bytea[] not null default '{}',	-- SHA-256 of issuer certificates
	first_seen	timestamptz not null default now(),
	primary key (sha256, not_after)
) partition by range (not_after);
create index certificate_tbs on certificate (tbs_sha256);
do $$
declare
	d date := '2024-01-01';
begin
	while d < '2036-01-01' loop
		execute format('create table certificate_%s partition of certificate
			for values from (%L) to (%L)', to_char(d, 'YYYY_MM'), d,
			d + interval '6 months');
		d := d + interval '6 months';
	end loop;
	create table certificate_rest partition of certificate default;
end $$;

create table certificate_name (
	tbs_sha256	bytea not null,
	name		text not null,			-- lower case, A-label
	primary key (tbs_sha256, name)
);
create index certificate_name_name on certificate_name (name text_pattern_ops);

-- Entries that matched a watch, or could not be parsed.
create table entry (
	log_ref		int not null,
	index		bigint not null,
	timestamp_ms	bigint not null,
	entry_type	text not null check (entry_type in ('x509', 'precert', 'unknown')),
	leaf		bytea not null,			-- MerkleTreeLeaf, or raw bytes when malformed
	leaf_hash	bytea not null,
	tbs_sha256	bytea,
	cert_sha256	bytea,
	malformed	boolean not null default false,
	reason		text,
	proof		bytea,				-- audit path in the tree of proof_size
	proof_size	bigint,
	head_id		bigint,				-- head that proves it
	seen_at		timestamptz not null default now(),
	primary key (log_ref, index)
) partition by list (log_ref);
create table entry_rest partition of entry default;
create index entry_tbs on entry (tbs_sha256);

-- The partition of a log; the engine's role may not create tables itself.  It
-- runs with its owner's rights, so names are looked up in this schema only.
do $do$
begin
	execute format($f$
create function entry_partition(ref int) returns void
language plpgsql security definer set search_path = %I, pg_temp as $$
begin
	perform pg_advisory_xact_lock(7202610, ref);
	if to_regclass('entry_' || ref) is null then
		execute format('create table entry_%%s partition of entry for values in (%%s)',
		    ref, ref);
	end if;
end $$
$f$, current_schema());
end $do$;

-- Which watch matched an entry, and by which name.
create table entry_match (
	log_ref		int not null,
	index		bigint not null,
	watch_id	bigint not null references watch,
	name		text not null,
	baseline	boolean not null default false,
	primary key (log_ref, index, watch_id)
);
create index entry_match_watch on entry_match (watch_id);

create table sct (
	tbs_sha256	bytea not null,
	log_id		bytea not null,
	timestamp_ms	bigint not null,
	raw		bytea not null,
	source		text not null,			-- certificate, tls, ocsp
	first_seen	timestamptz not null default now(),
	primary key (tbs_sha256, log_id, timestamp_ms)
);

-- --- what somebody must hear of -------------------------------------------------

create table finding (
	id		bigint generated always as identity primary key,
	kind		text not null,
	subject		text not null,
	owner		text not null default '',
	dedupe_key	text not null unique,
	severity	text not null check (severity in ('critical', 'high', 'medium', 'low', 'info')),
	state		text not null default 'open' check (state in ('open', 'acked',
			'accepted', 'rejected', 'contained', 'resolved')),
	watch		text not null default '',
	name		text not null default '',
	reason		text not null default '',
	rule		int,
	proven		boolean not null default false,
	issuer_owner	text,
	issuer_first_seen timestamptz,
	key_status	text,
	caa		text,
	served_at	text[] not null default '{}',
	nearest_source	text,
	ca_contact	text,
	logs		text[] not null default '{}',
	detail		jsonb not null default '{}',
	digest_only	boolean not null default false,
	first_seen	timestamptz not null default now(),
	last_seen	timestamptz not null default now(),
	author		text,				-- who changed the state last
	decided_at	timestamptz,
	decided_reason	text
);
create index finding_state on finding (state, severity, last_seen);
create index finding_subject on finding (subject);

create table silence (
	id		bigint generated always as identity primary key,
	finding_id	bigint references finding,
	kind		text,				-- null: any
	name		text,				-- watch syntax; null: any
	owner		text,				-- null: any
	until		timestamptz not null,
	author		text not null,
	reason		text not null,
	allow_critical	boolean not null default false,
	added_at	timestamptz not null default now(),
	ended_at	timestamptz
);

create table channel (
	name		text primary key,
	kind		text not null check (kind in ('webhook', 'slack', 'pagerduty', 'exec')),
	settings	jsonb not null,			-- never a secret: names of files only
	origin		text not null check (origin in ('config', 'cli')),
	state		text not null default 'active' check (state in ('active', 'disabled')),
	state_reason	text,
	failing_since	timestamptz,
	last_ok_at	timestamptz,
	added_at	timestamptz not null default now()
);

create table route (
	position	int primary key,		-- first match wins
	match		jsonb not null default '{}',
	channels	text[] not null,
	group_by	text[] not null default '{}',
	group_wait	interval not null default '0',
	origin		text not null check (origin in ('config', 'cli'))
);

-- One event of a finding; its id is the webhook-id, for ever.
create table finding_event (
	id		uuid primary key default gen_random_uuid(),
	finding_id	bigint not null references finding,
	event		text not null check (event in ('opened', 'resolved', 'retracted', 'escalated',
			'acked')),
	at		timestamptz not null default now(),
	muted_by	bigint references silence	-- deliveries were not made
);
create index finding_event_finding on finding_event (finding_id);
create index finding_event_at on finding_event (at);

-- One message on its way to one channel.
create table delivery (
	id		bigint generated always as identity primary key,
	channel		text not null,
	webhook_id	uuid not null,			-- the first event's id
	events		uuid[] not null,
	findings	bigint[] not null default '{}',	-- of the events, same order
	group_key	text,				-- open group that still takes events
	state		text not null default 'pending' check (state in ('pending',
			'sending', 'delivered', 'dead')),
	purpose		text not null default 'finding', -- finding, test, digest, notice
	body		text,				-- for test, digest and notice
	attempts	int not null default 0,
	due_at		timestamptz not null default now(),
	holder		text,
	lease_until	timestamptz,
	token		bigint not null default 0,
	last_status	int,
	last_error	text,
	last_reply	text,			-- what the receiver said, cut
	added_at	timestamptz not null default now(),
	done_at		timestamptz
);
create index delivery_due on delivery (channel, due_at) where state in ('pending', 'sending');
create index delivery_findings on delivery using gin (findings);
create unique index delivery_once on delivery (channel, webhook_id);

-- --- who works ------------------------------------------------------------------

create table worker (
	id		text primary key,
	host		text not null,
	pid		int not null,
	version		text not null,
	schema_version	int not null,
	roles		text[] not null,
	started_at	timestamptz not null default now(),
	last_seen	timestamptz not null default now()
);

-- Claimed with FOR UPDATE SKIP LOCKED; every completing transaction checks token.
create table work (
	id		bigint generated always as identity primary key,
	kind		text not null,
	subject		text not null default '',
	due_at		timestamptz not null default now(),
	holder		text,
	lease_until	timestamptz,
	token		bigint not null default 0,
	attempts	int not null default 0,
	last_error	text,
	detail		jsonb not null default '{}',
	unique (kind, subject)
);
create index work_due on work (due_at);

-- Append-only and hash-chained: who did what.
create table audit_trail (
	id		bigint generated always as identity primary key,
	at		timestamptz not null default now(),
	actor		text not null,
	action		text not null,
	detail		jsonb not null default '{}',
	prev		bytea not null,
	hash		bytea not null
);
create function audit_trail_hash(prev bytea, at timestamptz, actor text, action text,
    detail jsonb) returns bytea language sql stable as $$
	select sha256(prev || convert_to(concat_ws(E'\n',
	    to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
	    actor, action, detail::text), 'UTF8'))
$$;
-- The number is drawn under the lock: numbers have no gaps and follow the chain.
create function audit_trail_chain() returns trigger language plpgsql as $$
declare
	last record;
begin
	perform pg_advisory_xact_lock(7202609);
	select t.id, t.hash into last from audit_trail t order by t.id desc limit 1;
	new.id := coalesce(last.id, 0) + 1;
	new.prev := coalesce(last.hash, ''::bytea);
	new.hash := audit_trail_hash(new.prev, new.at, new.actor, new.action, new.detail);
	return new;
end $$;
create trigger audit_trail_chain before insert on audit_trail
	for each row execute function audit_trail_chain();
create function audit_trail_fixed() returns trigger language plpgsql as $$
begin
	raise exception 'audit_trail is append-only';
end $$;
create trigger audit_trail_fixed before update or delete on audit_trail
	for each row execute function audit_trail_fixed();

-- All facts for a decision about one issuance, which is locked; see
-- auditor/db/issuance.h.  A function, so that its plan is kept: planning costs
-- six times what the answer does.  $2 names that matched, $3 logs.
create function issuance_facts(bytea, text[], int[]) returns json
language plpgsql as $$
declare
	facts json;
begin
	with i as materialized (
	select * from issuance where tbs_sha256 = $1 for update),
	w as (select w from i, jsonb_array_elements(
	coalesce(i.facts->'watches', '[]')) w),
	n as (select unnest($2) as name union
	select w->>'fold' from w),
	x as (select name, case when strpos(name, '.') > 0 then
	'*' || substr(name, strpos(name, '.')) else name end as wild
	from n),
	r as (select unnest($3) as ref union
	select (e->>'log_ref')::int from i, jsonb_array_elements(
	coalesce(i.facts->'entries', '[]')) e)
	select json_build_object(
	'now', (extract(epoch from now()) * 1000000)::bigint,
	'first_seen', (extract(epoch from i.first_seen) * 1000000)::bigint,
	'not_before', (extract(epoch from i.not_before) * 1000000)::bigint,
	'not_after', (extract(epoch from i.not_after) * 1000000)::bigint,
	'proven', i.logged_at is not null,
	'spki_sha256', encode(i.spki_sha256, 'hex'),
	'issuer_spki_sha256', encode(i.issuer_spki_sha256, 'hex'),
	'serial', i.serial, 'key_type', i.key_type, 'names', i.names,
	'issuer_owner', i.issuer_owner, 'issued', i.issued,
	'subject', i.subject, 'issuer', i.issuer,
	'decision', i.decision, 'facts', i.facts,
	'usual', (select coalesce(json_agg(x.name), '[]') from x
	where i.issuer_owner is not null and (
	exists (select from known k where k.removed_at is null
	and k.issuer_owner = i.issuer_owner
	and k.trust in ('issuance', 'key', 'seed')
	and k.tbs_sha256 is distinct from $1
	and (k.names @> array[x.name] or k.names @> array[x.wild]))
	or exists (select from certificate_name c
	join issuance j on j.tbs_sha256 = c.tbs_sha256
	where c.name in (x.name, x.wild) and c.tbs_sha256 <> $1
	and j.issuer_owner = i.issuer_owner
	and j.decision in ('silent', 'baseline')))),
	'issuer_first_seen', (select
	(extract(epoch from min(j.first_seen)) * 1000000)::bigint from x
	join certificate_name c on c.name in (x.name, x.wild)
	join issuance j on j.tbs_sha256 = c.tbs_sha256
	where c.tbs_sha256 <> $1 and j.issuer_owner = i.issuer_owner),
	'known', (select coalesce(json_agg(json_build_object(
	'id', k.id, 'tbs', encode(k.tbs_sha256, 'hex'),
	'key', k.spki_sha256 = i.spki_sha256,
	'names', k.names, 'issuer_owner', k.issuer_owner,
	'until', (extract(epoch from k.until) * 1000000)::bigint,
	'trust', k.trust, 'place', concat_ws(' ', k.origin, k.source,
	'by', k.author, k.place)) order by k.id), '[]') from known k
	where k.removed_at is null and k.trust <> 'seed'
	and (k.tbs_sha256 = $1 or k.spki_sha256 = i.spki_sha256)),
	'expect', (select coalesce(json_agg(json_build_object(
	'id', e.id, 'state', e.state, 'names', e.names,
	'issuer_owner', e.issuer_owner, 'from', e.not_before_ms,
	'to', e.not_after_ms) order by e.id), '[]') from expectation e
	where e.kind = 'issuance' and e.spki_sha256 = i.spki_sha256
	and (e.state = 'open' or (e.state = 'fulfilled'
	and e.tbs_sha256 = $1))),
	'source', (select coalesce(json_agg(json_build_object(
	'name', s.name, 'names', s.names, 'issuers', s.issuers,
	'until', (extract(epoch from s.until) * 1000000)::bigint)
	order by s.name), '[]') from source s),
	'logs', (select coalesce(json_object_agg(l.id, l.description), '{}')
	from log l where l.id in (select ref from r)),
	'twins', (select coalesce(json_agg(encode(j.tbs_sha256, 'hex')), '[]')
	from (select j.tbs_sha256 from issuance j
	where j.issuer_spki_sha256 = i.issuer_spki_sha256
	and j.serial = i.serial and j.tbs_sha256 <> $1
	and j.issued = 'valid' limit 8) j),
	'findings', (select coalesce(json_agg(json_build_object(
	'id', f.id, 'kind', f.kind, 'owner', f.owner, 'state', f.state)),
	'[]') from finding f where f.subject in (encode($1, 'hex'),
	encode(i.issuer_spki_sha256, 'hex') || ':' || i.serial)),
	'policies', (select coalesce(json_object_agg(v.id, v.policy), '{}')
	from watch v where v.removed_at is null and v.id in
	(select (w.w->>'id')::bigint from w))
	) into facts from i;
	return facts;
end $$;

-- --- views that people and dashboards may rely on ------------------------------------

create view report_match as
select encode(l.log_id, 'base64') as log_id, l.description as log, e.index,
    e.timestamp_ms, e.entry_type, w.pattern as watch, w.owner, m.name, m.baseline,
    i.names, e.tbs_sha256, e.cert_sha256, i.spki_sha256, i.issuer_spki_sha256,
    i.serial, i.not_before, i.not_after, i.issuer_owner, e.malformed, e.seen_at
from entry_match m
join entry e on e.log_ref = m.log_ref and e.index = m.index
join log l on l.id = m.log_ref
join watch w on w.id = m.watch_id
left join issuance i on i.tbs_sha256 = e.tbs_sha256;

create view report_finding as
select id, kind, severity, state, watch, owner, name, subject, reason, rule,
    proven, issuer_owner, first_seen, last_seen, digest_only from finding;

-- --- roles ----------------------------------------------------------------------------

-- Where the owner may not create roles, everything runs as the owner.  Called
-- at the end of each migration that makes tables, and after a restore.
create function grant_roles() returns void language plpgsql as $$
declare
	s text := current_schema();
	r text;
begin
	foreach r in array array['certvigil_engine', 'certvigil_report'] loop
		if exists (select from pg_roles where rolname = r) then
			continue;
		end if;
		begin
			execute format('create role %I nologin', r);
		exception when unique_violation or duplicate_object then
			null;		-- another database's migration was faster
		end;
	end loop;
	execute format('grant usage on schema %I to certvigil_engine, certvigil_report', s);
	execute format('grant select, insert, update, delete on all tables in schema %I to certvigil_engine', s);
	execute 'revoke update, delete on audit_trail, tree_head from certvigil_engine';
	execute 'grant update (last_seen, consistency) on tree_head to certvigil_engine';
	execute format('grant usage on all sequences in schema %I to certvigil_engine', s);
	execute 'grant select on report_match, report_finding to certvigil_report';
exception when insufficient_privilege then
	raise notice 'roles not granted: no privilege';
end $$;
select grant_roles();
