-- All of CT: many workers, history, coverage with proof, logs audited.

-- --- workers and work --------------------------------------------------------

-- instance: of this process, drawn at its start. place: where its pid means
-- something (boot and pid namespace). lease_s: unseen for longer, it is dead.
alter table worker
	add column instance	text not null default '',
	add column place	text not null default '',
	add column lease_s	int not null default 30,
	add column state	text not null default 'working'
		check (state in ('working', 'waiting')),
	add column note		text;			-- why it waits

-- What `run` and `config apply` read in their configuration and every worker
-- must see alike; workers elsewhere have it from here.
create table setting (
	key		text primary key,		-- as in the configuration
	value		jsonb not null,
	set_at		timestamptz not null default now()
);

-- --- end of workers and work -------------------------------------------------

-- --- history: back-fill ------------------------------------------------------

-- What is wanted of a log's history: entries [size_from, size_to), cut from
-- the top into ranges, which many workers read.
create table backfill (
	id		bigint generated always as identity primary key,
	log_ref		int not null references log,
	since		timestamptz,		-- size_from is where that begins
	size_from	bigint,			-- null: it is being looked for
	size_to		bigint not null,
	again		boolean not null,	-- also what was verified before
	step		bigint not null,	-- entries a range
	cut		bigint not null,	-- [cut, size_to) was cut into ranges
	state		text not null default 'open'
			check (state in ('open', 'done', 'cancelled')),
	entries		bigint not null default 0, -- to be read in all
	entries_read	bigint not null default 0, -- and proven
	actor		text not null,		-- who asked for it
	added_at	timestamptz not null default now(),
	ended_at	timestamptz
);
create index backfill_open on backfill (id) where state = 'open';

-- A range of it, a row of work (kind backfill, subject the id) until it is
-- done.  [size_from, size_done) is proven: root_hash is that of the tree of
-- size_done, and proof how it goes on to the tree of head_id, as in
-- coverage_day; all of it was matched against the set of watches named.
create table backfill_range (
	id		bigint generated always as identity primary key,
	backfill_id	bigint not null references backfill,
	log_ref		int not null references log,
	size_from	bigint not null,
	size_to		bigint not null check (size_to > size_from),
	size_done	bigint not null,
	root_hash	bytea,
	head_id		bigint references tree_head,
	proof		bytea,
	watch_set_sha256 bytea,
	worker		text,			-- who read it last
	verified_at	timestamptz
);
create index backfill_range_of on backfill_range (backfill_id);
create index backfill_range_open on backfill_range (log_ref, size_from)
	where size_done < size_to;

-- Entries [lo, hi) of a log are proven: one row with what touches or overlaps
-- them.  A row's frontier is that of its end, whatever lies before it.
create function range_join(ref int, lo bigint, hi bigint, edge bytea,
	root bytea, head bigint) returns void language plpgsql as $$
declare
	low	bigint;
	top	log_range;
begin
	perform pg_advisory_xact_lock(7202615, ref);
	select min(g.size_from) into low from log_range g
		where g.log_ref = ref and g.size_from <= hi and g.size_to >= lo;
	select g.* into top from log_range g where g.log_ref = ref
		and g.size_from <= hi and g.size_to > hi;
	delete from log_range g
		where g.log_ref = ref and g.size_from <= hi and g.size_to >= lo;
	insert into log_range (log_ref, size_from, size_to, frontier, root_hash,
		head_id) values (ref, least(lo, low), coalesce(top.size_to, hi),
		coalesce(top.frontier, edge), coalesce(top.root_hash, root),
		coalesce(top.head_id, head));
end $$;

-- --- end of history ----------------------------------------------------------

-- --- how fast logs are asked -------------------------------------------------

-- Requests a second of all workers together from one source address ('': the
-- one that the system chooses), to one log or to all logs of an operator:
-- learned from answers, 429, Retry-After and 5xx.
create table ask_rate (
	kind		text not null check (kind in ('log', 'operator')),
	subject		text not null,		-- log.id, or operator.name
	source		text not null default '',
	per_second	double precision not null,
	grown		double precision not null default 0, -- what was added last
	hold_until	timestamptz,		-- nothing is asked before
	head_until	timestamptz,		-- nor heads, which were refused
	cut_at		timestamptz,		-- when it was last cut
	updated_at	timestamptz not null default now(),
	primary key (kind, subject, source)
);

-- Who asks: a rate is split evenly among those seen within half a minute.
create table ask_worker (
	kind		text not null,
	subject		text not null,
	source		text not null default '',
	holder		text not null,		-- worker.id
	seen_at		timestamptz not null default now(),
	primary key (kind, subject, source, holder)
);

-- What reading it cost: bytes on the wire, and the entries that they gave.
alter table log_health add column wire_bytes bigint not null default 0;
alter table log_health add column wire_entries bigint not null default 0;

-- A log that had no tiles beside get-entries is asked again after a day.
alter table log add column hybrid_at timestamptz;

-- --- end of how fast logs are asked ------------------------------------------

-- --- coverage: what is not seen ----------------------------------------------

-- The estimate of the blind share looks at the newest issuances.
create index issuance_seen on issuance (first_seen);

-- The canary of the configuration: at most one row.
create table canary (
	name		text primary key,
	since		timestamptz not null default now() -- its name was configured
);

-- Days before, since the last row, on which nothing was proven.
update coverage_day d set gaps = g.n from (select log_ref, day, day -
    lag(day) over (partition by log_ref order by day) - 1 as n from
    coverage_day) g where g.log_ref = d.log_ref and g.day = d.day and g.n > 0;

-- --- end of coverage ---------------------------------------------------------

-- --- logs are audited --------------------------------------------------------

-- Heads that wait to be compared with the tree that was proven.
create index tree_head_pending on tree_head (log_ref, tree_size)
	where consistency = 'pending' and verdict = 'valid';
-- Who refers to a head: asked before one is removed.
create index log_range_head on log_range (head_id);
create index coverage_day_head on coverage_day (head_id);
create index consistency_head on consistency (head_id);
create index backfill_range_head on backfill_range (head_id);
-- How far a sweep has come: of each log the heads that were first seen before
-- ${upto} were looked at; all of them, infinity.  Empty: it begins anew.
create index tree_head_day on tree_head (log_ref, first_seen);
create table head_swept (
	log_ref		int primary key references log,
	upto		timestamptz not null
);
-- An SCT beside the entry of its time.
create index issuance_unsigned on issuance (tbs_sha256) where issued = 'invalid';
create index entry_malformed on entry (log_ref) where malformed;
create index sct_promise on sct (log_id, timestamp_ms);
-- Who refers to a head, again.
create index sct_head on sct (head_id) where head_id is not null;

-- What configured witnesses say of a checkpoint (C2SP tlog-cosignature).
create table cosignature (
	head_id		bigint not null references tree_head on delete cascade,
	witness		text not null,		-- name of its key
	key		bytea not null,		-- Ed25519, 32 bytes
	valid		boolean not null,	-- the signature is right
	stated_at	timestamptz,		-- when it says that it saw it
	raw		bytea not null,		-- the checkpoint with its line
	first_seen	timestamptz not null default now(),
	primary key (head_id, witness, key)
);

-- Others that see logs, and the heads that they were shown.
create table vantage (
	name		text primary key,
	url		text not null,		-- or a file
	checked_at	timestamptz,
	ok_at		timestamptz,		-- last time it could be read
	failing_since	timestamptz,
	last_error	text,			-- of the source, or of a line
	heads		int not null default 0,	-- of logs that we know, last time
	refused		int not null default 0	-- lines that are wrong, last time
);
create table vantage_head (
	head_id		bigint not null references tree_head on delete cascade,
	source		text not null,		-- vantage.name
	told		boolean not null,	-- the log never showed it to us
	first_seen	timestamptz not null default now(),
	last_seen	timestamptz not null default now(),
	primary key (head_id, source)
);
create index vantage_head_source on vantage_head (source);

-- Removes heads of a log that nothing refers to but the first of each day,
-- when they are older than ${age}: of the next days of it, in which there are
-- ${max} or a few more.  What is anomalous stays, and so does what waits to be
-- compared (of others: thirty days).  The engine's role may not delete heads in
-- another way.
do $do$
begin
	execute format($f$
create function head_sweep(ref int, age interval, max int, out looked int,
	out removed int, out done bool)
language plpgsql security definer set search_path = %I, pg_temp as $$
declare
	ids bigint[];
	c record;
	lo timestamptz;
	hi timestamptz;
	top timestamptz := now() - age;
begin
	removed := 0;
	select s.upto into lo from head_swept s where s.log_ref = ref;
	lo := coalesce(lo, '-infinity');
	select h.first_seen into hi from tree_head h where h.log_ref = ref
	    and h.first_seen >= lo order by h.first_seen offset max - 1 limit 1;
	-- to the end of that day
	hi := least(coalesce((date_trunc('day', hi at time zone 'UTC') +
	    interval '1 day') at time zone 'UTC', 'infinity'), top);
	done := hi = top;
	insert into head_swept values (ref, case when done then 'infinity' else hi end)
	    on conflict (log_ref) do update set upto = excluded.upto;
	-- the day's first stays
	with d as materialized (select h.id, h.consistency, h.last_seen, h.first_seen,
	    h.verdict from tree_head h where h.log_ref = ref and h.first_seen >= lo
	    and h.first_seen < hi)
	select count(*), array_agg(t.id) filter (where t.nth > 1
	    and not (t.consistency = 'pending' and
	    t.last_seen > now() - interval '30 days' and
	    exists (select from vantage_head v where v.head_id = t.id))
	    and not exists (select from log_health x where x.log_ref = ref and
	    x.head_id = t.id)) into looked, ids from (
		select h.id, h.consistency, h.last_seen, row_number() over (
		    partition by (h.first_seen at time zone 'UTC')::date
		    order by exists (select from vantage_head v
		    where v.head_id = h.id and v.told), h.id) as nth
		from d h where h.verdict = 'valid'
		and h.consistency <> 'conflict' and h.last_seen < top) t;
	if ids is null then
		return;
	end if;
	-- what was there before a watch is told by the first one behind it; of
	-- these days alone, which keeps one more where an older one was shown again
	with d as materialized (select h.id, h.last_seen, h.verdict from tree_head h
	    where h.log_ref = ref and h.first_seen >= lo and h.first_seen < hi)
	select array_agg(i) into ids from unnest(ids) i where i not in (
		select x.first from (select u.id, min(u.id) over (order by u.t desc,
			u.id is null rows unbounded preceding) as first from (
			select h.last_seen as t, h.id from d h
			where h.verdict = 'valid' and not exists
			(select from vantage_head v where v.head_id = h.id and v.told)
			union all select distinct w.added_at, null::bigint from watch w
			where w.removed_at is null
			union all select f.loaded_at, null from watch_file f) u) x
		where x.id is null and x.first is not null);
	-- whatever table refers to heads, now and later
	for c in select k.conrelid::regclass as tab, a.attname as col
	    from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid
	    and a.attnum = k.conkey[1]
	    where k.contype = 'f' and k.confrelid = 'tree_head'::regclass
	    and k.confdeltype <> 'c' and k.conparentid = 0
	loop
		execute format('select array_agg(i) from unnest($1) i where not exists '
		    '(select from %%s x where x.%%I = i)', c.tab, c.col)
		    into ids using ids;
	end loop;
	select array_agg(i) into ids from unnest(ids) i where
	    i not in (select e.head_id from entry e where e.log_ref = ref and
	    e.head_id is not null)
	    and i not in (select h::text::bigint from finding f,
	    jsonb_path_query(f.detail, '$.**.head_id') h
	    where f.kind like 'log.%%' and jsonb_typeof(h) = 'number')
	    and i not in (select h::text::bigint from finding f,
	    jsonb_path_query(f.detail, '$.**.other_id') h
	    where f.kind like 'log.%%' and jsonb_typeof(h) = 'number');
	delete from tree_head where id = any(ids);
	get diagnostics removed = row_count;
end $$
$f$, current_schema());
end $do$;

-- --- end of logs are audited -------------------------------------------------

-- --- retention and moving ----------------------------------------------------

-- One row: this database was moved away, or has not arrived yet.
create table database_move (
	only_row	boolean primary key default true check (only_row),
	state		text not null check (state in ('incoming', 'moved')),
	peer		text not null,		-- the other side, without a password
	author		text not null,		-- who moves it
	at		timestamptz not null default now()
);

-- Nobody works there, whatever their version.
create function worker_gate() returns trigger language plpgsql as $$
declare
	m record;
begin
	select * into m from database_move;
	if m.state = 'moved' then
		raise exception 'this database was moved to %', m.peer;
	elsif m.state = 'incoming' then
		raise exception 'this database is not complete: certvigil db move has not ended';
	end if;
	return new;
end $$;
create trigger worker_gate before insert on worker
	for each row execute function worker_gate();

-- Partitions and until when what is in them mattered: of certificate, when the
-- last of them expires; of entry, when its log was retired (null: it is not),
-- and not before it was asked last: a list may have left it out just now.
create view retention_part as
select c.oid, 'certificate' as parent, c.relname::text as name, null::int as log_ref,
    b.until_at as over_at
from pg_inherits i join pg_class c on c.oid = i.inhrelid,
    lateral (select (regexp_match(pg_get_expr(c.relpartbound, c.oid),
    'TO \(''([^'']+)''\)'))[1]::timestamptz as until_at) b
where i.inhparent = 'certificate'::regclass and b.until_at is not null
union all
select c.oid, 'entry', c.relname::text, l.id,
    case when l.state in ('retired', 'rejected') or not l.listed then
    greatest(l.interval_to, l.state_at, h.polled_at) end
from pg_inherits i join pg_class c on c.oid = i.inhrelid
join log l on c.relname = 'entry_' || l.id
left join log_health h on h.log_ref = l.id
where i.inhparent = 'entry'::regclass;

-- What evidence needs: certificates that a finding names, or whose entry one
-- about its log names, whatever became of it, that are expected, managed or
-- were served lately.  What is known carries in its own row what it needs.
create function retention_needed() returns setof bytea language sql stable as $$
	select decode(x[1], 'hex') from finding f,
	    regexp_matches(f.subject || ' ' || f.detail::text, '[0-9a-f]{64}', 'g') x
	union
	select i.tbs_sha256 from finding f cross join lateral (select j.tbs_sha256
	    from issuance j where j.issuer_spki_sha256 = case when f.subject ~
	    '^[0-9a-f]{64}:[0-9a-f]+$' then decode(left(f.subject, 64), 'hex') end
	    and j.serial = substr(f.subject, 66)) i
	union
	select e.tbs_sha256 from finding f join log l on f.subject =
	    encode(l.log_id, 'base64'), jsonb_path_query(f.detail, '$.**.index') i
	    cross join lateral (select n.tbs_sha256 from entry n where
	    n.log_ref = l.id and n.index = i::text::bigint) e
	where f.kind = 'log.misbehaved' and jsonb_typeof(i) = 'number'
	union
	select tbs_sha256 from expectation where state = 'open' and tbs_sha256 is not null
	union
	select i.tbs_sha256 from expectation e cross join lateral (select j.tbs_sha256
	    from issuance j where j.issuer_spki_sha256 = e.issuer_spki_sha256
	    and j.serial = e.serial) i
	where e.kind = 'revocation' and e.state = 'open'
	union
	select tbs_sha256 from managed_certificate
	where removed_at is null and tbs_sha256 is not null
	union
	select tbs_sha256 from endpoint_observation
	where tbs_sha256 is not null and last_seen > now() - interval '90 days'
$$;

-- They change tables, which the engine's role may not: with the owner's rights,
-- as entry_partition().
do $do$
begin
	-- A whole partition goes; what is needed of it goes to the default one.
	-- Returns how many rows those were, null when it was empty.
	execute format($f$
create function retention_drop(part text) returns bigint
language plpgsql security definer set search_path = %1$I, pg_temp as $$
declare
	p record;
	kept bigint;
	cond text;
begin
	perform pg_advisory_xact_lock(7202614);
	select * into p from retention_part where name = part and over_at < now();
	if not found then
		raise exception 'partition %% is not over, or there is none', part;
	end if;
	cond := case p.parent when 'entry' then format(' or x.malformed or '
	    'x.index in (select i::text::bigint from finding f, '
	    'jsonb_path_query(f.detail, ''$.**.index'') i where '
	    'f.kind = ''log.misbehaved'' and jsonb_typeof(i) = ''number'' and '
	    'f.subject = (select encode(log_id, ''base64'') from log where '
	    'id = %%s))', p.log_ref) else '' end;
	execute format('alter table %%I detach partition %%I', p.parent, p.name);
	execute format('insert into %%I select x.* from %%I x left join (select distinct n
	    from retention_needed() n) n on n.n = x.tbs_sha256
	    where n.n is not null%%s', p.parent, p.name, cond);
	get diagnostics kept = row_count;
	execute format('select %%L::bigint where exists (select from %%I)', kept, p.name) into kept;
	execute format('drop table %%I', p.name);
	if p.parent = 'entry' then
		delete from entry_match m where m.log_ref = p.log_ref and not exists
		    (select from entry e where e.log_ref = m.log_ref and e.index = m.index);
	end if;
	return kept;
end $$
$f$, current_schema());
	-- As it was, for a log that is back: what evidence needed of its entries lies
	-- in the default partition.
	execute format($f$
create or replace function entry_partition(ref int) returns void
language plpgsql security definer set search_path = %1$I, pg_temp as $$
declare
	part text := 'entry_' || ref;
begin
	perform pg_advisory_xact_lock(7202610, ref);
	if to_regclass(part) is not null then
		return;
	end if;
	if not exists (select from entry_rest where log_ref = ref) then
		execute format('create table %%I partition of entry for values in (%%s)',
		    part, ref);
		return;
	end if;
	execute format('create table %%I (like entry including all)', part);
	lock table entry_rest in access exclusive mode;
	execute format('with x as (delete from entry_rest where log_ref = %%s returning *)
	    insert into %%I select * from x', ref, part);
	execute format('alter table entry attach partition %%I for values in (%%s)',
	    part, ref);
end $$
$f$, current_schema());
	-- Partitions of certificate for all that expires before $1; what lies in the
	-- default one already moves.  Returns how many were made.
	execute format($f$
create function retention_ahead(until timestamptz) returns int
language plpgsql security definer set search_path = %1$I, pg_temp as $$
declare
	d timestamptz;
	part text;
	made int := 0;
begin
	perform pg_advisory_xact_lock(7202614);
	select max(over_at) into d from retention_part where parent = 'certificate';
	while d < until loop
		part := 'certificate_' || to_char(d at time zone 'UTC', 'YYYY_MM');
		execute format('create table %%I (like certificate including all)', part);
		lock table certificate_rest in access exclusive mode;
		execute format('with x as (delete from certificate_rest where not_after >= %%L
		    and not_after < %%L returning *) insert into %%I select * from x', d,
		    d + interval '6 months', part);
		execute format('alter table certificate attach partition %%I for values
		    from (%%L) to (%%L)', part, d, d + interval '6 months');
		d := d + interval '6 months';
		made := made + 1;
	end loop;
	return made;
end $$
$f$, current_schema());
end $do$;

-- A plan makes thousands of rows that are due at one moment: claims take them in
-- order from an index, and sort nothing.
create index work_turn on work (due_at, id);
-- Messages that ended, the oldest first: those of a year are not read each day.
create index delivery_done on delivery (done_at) where done_at is not null;
drop index work_due;

-- --- end of retention and moving ---------------------------------------------

-- --- matches stored together -------------------------------------------------

-- What the rules said, an array for each of the owners in facts: sentences that
-- only people read, and that are the same for most issuances when their tbs and
-- their name are left out (auditor/decide_say.h).  A body may be there twice when
-- two workers met it first: nobody waits for another because of a sentence.
create table rule_said (
	id		bytea not null,		-- of its SHA-256
	body		text not null
);
create index rule_said_id on rule_said (id);
alter table issuance add column said bytea;

create function rule_say(bytea[], text[]) returns void language plpgsql
set jit = off set enable_seqscan = off as $$
begin
	insert into rule_said (id, body) select i, b from unnest($1, $2) v (i, b)
	where not exists (select from rule_said r where r.id = i);
end $$;

-- What else there is to know about issuances: $1 tbs, $2 and $4 keys of issuer
-- and subject, $3 serial, $5 owner of the issuer, $6 names that matched, as the
-- text of an array; logs and watches that are spoken of.  Only what there is, a
-- row each: nr says of which (0: of all).  With ahead: of those that are not
-- stored, and nothing that only a finding says.  No table is read as a whole,
-- however new the statistics are; costs that are only there to forbid that must
-- not start a compiler.
drop function issuance_facts(bytea, text[], int[]);
create function issuance_look(bytea[], bytea[], text[], bytea[], text[], text[],
	refs bigint[], watches bigint[], ahead boolean)
	returns table (nr bigint, what text, v text)
language plpgsql set jit = off set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
#variable_conflict use_column
begin
	return query
	with u as materialized (select t.* from unnest($1, $2, $3, $4, $5, $6)
		with ordinality t (tbs, issuer, serial, key, owner, names, nr)
		where not ahead or not exists (select from issuance i
		where i.tbs_sha256 = t.tbs)),
	x as materialized (select u.nr, u.tbs, u.owner, n.name,
		case when strpos(n.name, '.') > 0 then '*' ||
		substr(n.name, strpos(n.name, '.')) else n.name end as wild
		from u, unnest(u.names::text[]) n (name) where u.owner is not null),
	k as (select u.nr, u.key, k.* from u cross join lateral (select * from known
		where tbs_sha256 = u.tbs and removed_at is null offset 0) k
		where k.trust <> 'seed' union
		select u.nr, u.key, k.* from u cross join lateral (select * from known
		where spki_sha256 = u.key and removed_at is null offset 0) k
		where k.trust <> 'seed'),
	e as (select u.nr, e.* from u cross join lateral (select * from expectation
		where spki_sha256 = u.key and state = 'open' offset 0) e
		where e.kind = 'issuance' union all
		select u.nr, e.* from u cross join lateral (select * from expectation
		where tbs_sha256 = u.tbs and state = 'fulfilled' offset 0) e
		where e.kind = 'issuance' and e.spki_sha256 = u.key),
	o as (select u.nr, u.tbs, m.name as name, e.* from u cross join lateral
		(select * from acme_order where spki_sha256 = u.key offset 0) o
		cross join lateral (select * from managed_certificate
		where id = o.managed_id offset 0) m
		cross join lateral (select * from expectation
		where id = o.expectation offset 0) e)
	select 0::bigint, 'now', (extract(epoch from now()) * 1000000)::bigint::text
	union all select 0, 'source', json_build_object('name', s.name,
		'names', s.names, 'issuers', s.issuers,
		'until', (extract(epoch from s.until) * 1000000)::bigint)::text
		from (select * from source order by name) s
	union all select l.id, 'log', l.description from log l where l.id = any (refs)
	union all select w.id, 'policy', w.policy from watch w
		where w.removed_at is null and w.id = any (watches)
	union all select u.nr, 'new', null from u where ahead
	union all select x.nr, 'usual', x.name from x where
		((select exists (select from known k where k.removed_at is null
		and k.issuer_owner is not null)) and exists (select from (select *
		from known where removed_at is null
		and names && array[x.name, x.wild] offset 0) k
		where k.issuer_owner = x.owner and k.trust in ('issuance', 'key', 'seed')
		and k.tbs_sha256 is distinct from x.tbs))
		or exists (select from certificate_name c cross join lateral
		(select from issuance j where j.tbs_sha256 = c.tbs_sha256
		and j.issuer_owner = x.owner
		and j.decision in ('silent', 'baseline') limit 1) j
		where c.name in (x.name, x.wild) and c.tbs_sha256 <> x.tbs)
	union all select x.nr, 'first', m.at::text from x cross join lateral
		(select (extract(epoch from min(j.first_seen)) * 1000000)::bigint as at
		from (select c.tbs_sha256 from certificate_name c
		where c.name in (x.name, x.wild) and c.tbs_sha256 <> x.tbs offset 0) c
		cross join lateral (select j.first_seen from issuance j
		where j.tbs_sha256 = c.tbs_sha256
		and j.issuer_owner = x.owner limit 1) j) m
		where not ahead and m.at is not null
	union all select d.nr, d.what, d.v::text from (
		select k.nr, 'known' as what, k.id, json_build_object('id', k.id,
		'tbs', encode(k.tbs_sha256, 'hex'), 'key', k.spki_sha256 = k.key,
		'names', k.names, 'issuer_owner', k.issuer_owner,
		'until', (extract(epoch from k.until) * 1000000)::bigint,
		'trust', k.trust, 'place', concat_ws(' ', k.origin, k.source,
		'by', k.author, k.place)) as v from k
		union all select e.nr, 'expect', e.id, json_build_object('id', e.id,
		'state', e.state, 'names', e.names, 'issuer_owner', e.issuer_owner,
		'from', e.not_before_ms, 'to', e.not_after_ms) from e
		union all select o.nr, 'ours', o.id, json_build_object('id', o.id,
		'state', o.state, 'names', o.names, 'issuer_owner', o.issuer_owner,
		'from', o.not_before_ms, 'to', o.not_after_ms, 'order', o.name,
		'used', encode(o.tbs_sha256, 'hex'), 'received', exists (select from
		acme_received a where a.tbs_sha256 = o.tbs)) from o
		order by 2, 1, 3) d
	union all select u.nr, 'twin', encode(j.tbs_sha256, 'hex') from u
		cross join lateral (select j.tbs_sha256 from issuance j
		where j.issuer_spki_sha256 = u.issuer and j.serial = u.serial
		and j.tbs_sha256 <> u.tbs and j.issued = 'valid' limit 8) j
	union all select u.nr, 'finding', json_build_object('id', f.id,
		'kind', f.kind, 'owner', f.owner, 'state', f.state)::text
		from u cross join lateral (select * from finding where subject in (
		encode(u.tbs, 'hex'), encode(u.issuer, 'hex') || ':' || u.serial)
		offset 0) f;
end $$;

-- What matched, as rows: auditor/db/match_put.c.  Functions, whose plans are kept:
-- planning costs more than storing a handful of matches.  Returns the issuances
-- that were not there, and whether they were stored as decided; one that is there
-- is locked, and written again only when there is something new.
create function match_issuances(tbs bytea[], issuer bytea[], key bytea[], serial text[],
	key_type text[], names text[], issuer_owner text[], issued text[], subject text[],
	issuer_name text[], not_before timestamptz[], not_after timestamptz[],
	proven boolean, decision text[], rule bigint[], rule_reason text[], facts text[],
	said bytea[], hold_until timestamptz[])
	returns table (tbs_sha256 bytea, decided boolean) language plpgsql set jit = off as $$
#variable_conflict use_column
begin
	return query with x as (insert into issuance as w (tbs_sha256, issuer_spki_sha256,
	spki_sha256, serial, key_type, names, issuer_owner, issued, subject, issuer,
	not_before, not_after, logged_at, decision, rule, rule_reason, facts, said,
	hold_until, decided_at)
	select t, i, k, s, y, n::text[], nullif(o, ''), d, u, r, b, a,
	case when proven then now() end, x, nullif(z, 0), w, f::jsonb, g, h,
	case when x is not null then now() end from unnest($1, $2, $3, $4, $5, $6, $7,
	$8, $9, $10, $11, $12, $14, $15, $16, $17, $18, $19)
	v (t, i, k, s, y, n, o, d, u, r, b, a, x, z, w, f, g, h)
	on conflict (tbs_sha256) do update set issued = case when w.issued = 'valid'
	then 'valid' else excluded.issued end,
	issuer_owner = coalesce(w.issuer_owner, excluded.issuer_owner),
	logged_at = coalesce(w.logged_at, excluded.logged_at)
	where (w.issued <> 'valid' and w.issued <> excluded.issued) or
	(w.issuer_owner is null and excluded.issuer_owner is not null) or
	(w.logged_at is null and excluded.logged_at is not null)
	-- inserted, not updated: nobody has locked such a row yet
	returning w.tbs_sha256, w.decision is not null as decided, w.xmax = 0 as fresh)
	select x.tbs_sha256, x.decided from x where x.fresh;
end $$;

-- Names of issuances that are new, as texts of arrays.  Nobody else can have put
-- them there, so nothing is looked up first; a certificate that has a name twice
-- takes the longer way.
create function match_names(tbs bytea[], names text[]) returns void
language plpgsql set jit = off as $$
begin
	insert into certificate_name (tbs_sha256, name) select t, m
	from unnest($1, $2) v (t, n), unnest(n::text[]) m;
exception when unique_violation then
	insert into certificate_name (tbs_sha256, name) select t, m
	from unnest($1, $2) v (t, n), unnest(n::text[]) m on conflict do nothing;
end $$;

-- Certificates: those of issuances that are new (fresh) likewise.
create function match_certificates(tbs bytea[], cert bytea[], der bytea[], form text[],
	chain text[], not_after timestamptz[], fresh bigint[]) returns void
language plpgsql set jit = off as $$
#variable_conflict use_column
begin
	insert into certificate (tbs_sha256, sha256, der, form, chain, not_after)
	select t, s, d, f, c::bytea[], a from unnest($1, $2, $3, $4, $5, $6, $7)
	v (t, s, d, f, c, a, n) where n = 0 on conflict do nothing;
	begin
		insert into certificate (tbs_sha256, sha256, der, form, chain, not_after)
		select t, s, d, f, c::bytea[], a from unnest($1, $2, $3, $4, $5, $6, $7)
		v (t, s, d, f, c, a, n) where n <> 0;
	exception when unique_violation then
		insert into certificate (tbs_sha256, sha256, der, form, chain, not_after)
		select t, s, d, f, c::bytea[], a from unnest($1, $2, $3, $4, $5, $6, $7)
		v (t, s, d, f, c, a, n) where n <> 0 on conflict do nothing;
	end;
end $$;

-- The entries of a log; all there are between the first and the last of them is
-- stored once, so that what was never read need not be looked up.  And which
-- watches they matched, which may be by several names ($14 on).
create function match_entries(log_ref bigint, size bigint, head bigint, leaf bytea[],
	leaf_hash bytea[], tbs bytea[], cert bytea[], path bytea[], form text[],
	reason text[], index bigint[], timestamp_ms bigint[], malformed bigint[],
	hit bigint[], watch bigint[], name text[], baseline bigint[]) returns void
language plpgsql set jit = off set enable_seqscan = off as $$
#variable_conflict use_column
begin
	begin
		if exists (select from entry e where e.log_ref = $1 and e.index between
		    (select min(x) from unnest($11) x) and
		    (select max(x) from unnest($11) x)) then
			raise unique_violation;
		end if;
		insert into entry (log_ref, index, timestamp_ms, entry_type, leaf,
		leaf_hash, tbs_sha256, cert_sha256, malformed, reason, proof, proof_size,
		head_id) select $1, i, m, y, l, h, t, s, b <> 0, nullif(r, ''), p, $2, $3
		from unnest($4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		v (l, h, t, s, p, y, r, i, m, b);
	exception when unique_violation then
		insert into entry (log_ref, index, timestamp_ms, entry_type, leaf,
		leaf_hash, tbs_sha256, cert_sha256, malformed, reason, proof, proof_size,
		head_id) select $1, i, m, y, l, h, t, s, b <> 0, nullif(r, ''), p, $2, $3
		from unnest($4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		v (l, h, t, s, p, y, r, i, m, b) on conflict do nothing;
	end;
	insert into entry_match (log_ref, index, watch_id, name, baseline)
	select $1, i, w, n, b <> 0 from unnest($14, $15, $16, $17) v (i, w, n, b)
	on conflict do nothing;
end $$;

-- What was decided about them.  However large the table is, and whether or not
-- it was ever analyzed: each row is looked up.
create function issuance_decide(bytea[], text[], bigint[], text[], text[], bytea[],
	timestamptz[], bigint[], text[]) returns void
language plpgsql set jit = off set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off set enable_bitmapscan = off as $$
begin
	insert into certificate_name (tbs_sha256, name) select t.tbs, n from
	unnest($1, $9) t (tbs, names), unnest(t.names::text[]) n
	on conflict do nothing;
	update issuance i set decision = t.decision, rule = nullif(t.rule, 0),
	rule_reason = t.reason, facts = t.facts::jsonb, said = t.said,
	hold_until = t.hold, decided_at = now(),
	logged_at = coalesce(i.logged_at,
	case when t.proven <> 0 then now() end) from
	unnest($1, $2, $3, $4, $5, $6, $7, $8) t (tbs, decision, rule, reason,
	facts, said, hold, proven) where i.tbs_sha256 = t.tbs;
end $$;

-- Found by its certificate, however many orders there were.
create index expectation_used on expectation (tbs_sha256) where state = 'fulfilled';

-- By decision only what is silent is looked for, among all that is baseline; and
-- a row that is decided about again needs no new entries in all other indexes.
drop index issuance_decision;
create index issuance_silent on issuance (first_seen) where decision = 'silent';

-- What is known changes seldom and is looked up for every match: nothing of it
-- waits in a list that is read each time until somebody vacuums the table.
alter index known_names set (fastupdate = off);
do $$
begin
	perform gin_clean_pending_list('known_names');
end $$;

-- No watch is ever deleted, and its number was read in the same transaction:
-- looking it up again costs as much as storing the row, and all workers would
-- lock the same few rows.
alter table entry_match drop constraint entry_match_watch_id_fkey;

-- What does not compress is to cost little, and so is what does: the faster
-- compression where the server has it.
do $$
declare
	t regclass;
begin
	alter table issuance alter facts set compression lz4;
	for t in select relid from pg_partition_tree('certificate') loop
		execute format('alter table %s alter der set compression lz4', t);
	end loop;
	for t in select relid from pg_partition_tree('entry') loop
		execute format('alter table %s alter leaf set compression lz4,
		    alter proof set compression lz4', t);
	end loop;
exception when feature_not_supported or invalid_parameter_value or syntax_error then
	null;
end $$;

-- --- end of matches stored together ------------------------------------------

-- Functions with their owner's rights are for the engine alone.
create function grant_functions() returns void language plpgsql as $$
declare
	f regprocedure;
begin
	for f in select p.oid::regprocedure from pg_proc p
	    where p.pronamespace = current_schema()::regnamespace and p.prosecdef
	loop
		execute format('revoke execute on function %s from public', f);
		execute format('grant execute on function %s to certvigil_engine', f);
	end loop;
exception when insufficient_privilege or undefined_object then
	raise notice 'functions not granted: no privilege';
end $$;

select grant_roles();
select grant_functions();
