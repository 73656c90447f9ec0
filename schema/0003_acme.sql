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
	preferred_chain	text,			-- common name; null: the CA's choice
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
	-- the deploy hook for the newest
	hook_at		timestamptz,		-- run then; null: nothing to run
	hook_error	text,			-- why it failed the last time
	hook_attempts	int not null default 0,	-- failures in a row
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
create index acme_order_spki on acme_order (spki_sha256);

-- What we received and deployed, whether or not a log ever showed it.
create table acme_received (
	tbs_sha256	bytea primary key,
	order_id	bigint not null references acme_order,
	names		text[] not null,
	serial		text not null,
	not_after	timestamptz not null,
	der		bytea not null,		-- with the SCTs: the evidence
	received_at	timestamptz not null default now(),
	seen_at		timestamptz		-- in a log
);
create index acme_received_unseen on acme_received (not_after)
	where seen_at is null;

-- Its embedded SCTs: which logs must show it.
create table acme_promise (
	tbs_sha256	bytea not null references acme_received,
	log_id		bytea not null,
	timestamp_ms	bigint not null,
	primary key (tbs_sha256, log_id, timestamp_ms)
);

-- As it was, and what was expected of orders of ours with this key; looked up
-- from the names, not from all that one issuer ever issued, also while the
-- tables have grown and nobody has analyzed them yet.
create or replace function issuance_facts(bytea, text[], int[]) returns json
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
	or exists (select from certificate_name c cross join lateral
	(select from issuance j where j.tbs_sha256 = c.tbs_sha256
	and j.issuer_owner = i.issuer_owner
	and j.decision in ('silent', 'baseline') limit 1) j
	where c.name in (x.name, x.wild) and c.tbs_sha256 <> $1))),
	'issuer_first_seen', (select
	(extract(epoch from min(j.first_seen)) * 1000000)::bigint from x
	cross join lateral (select c.tbs_sha256 from certificate_name c
	where c.name in (x.name, x.wild) and c.tbs_sha256 <> $1 offset 0) c
	cross join lateral (select j.first_seen from issuance j
	where j.tbs_sha256 = c.tbs_sha256
	and j.issuer_owner = i.issuer_owner limit 1) j),
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
	'ours', (select coalesce(json_agg(json_build_object(
	'id', e.id, 'state', e.state, 'names', e.names,
	'issuer_owner', e.issuer_owner, 'from', e.not_before_ms,
	'to', e.not_after_ms, 'order', m.name, 'used',
	encode(e.tbs_sha256, 'hex'), 'received', exists (select from
	acme_received a where a.tbs_sha256 = $1)) order by e.id), '[]')
	from acme_order o join managed_certificate m on m.id = o.managed_id
	join expectation e on e.id = o.expectation
	where o.spki_sha256 = i.spki_sha256),
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

select grant_roles();
