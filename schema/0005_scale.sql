-- All of CT: many workers, history, coverage with proof, logs audited.

-- --- workers and work --------------------------------------------------------

-- --- end of workers and work -------------------------------------------------

-- --- history: back-fill ------------------------------------------------------

-- --- end of history ----------------------------------------------------------

-- --- how fast logs are asked -------------------------------------------------

-- --- end of how fast logs are asked ------------------------------------------

-- --- coverage: what is not seen ----------------------------------------------

-- --- end of coverage ---------------------------------------------------------

-- --- logs are audited --------------------------------------------------------

-- Heads that wait to be compared with the tree that was proven.
create index tree_head_pending on tree_head (log_ref, tree_size)
	where consistency = 'pending' and verdict = 'valid';
-- Who refers to a head: asked before one is removed.
create index log_range_head on log_range (head_id);
create index coverage_day_head on coverage_day (head_id);
create index consistency_head on consistency (head_id);
-- An SCT beside the entry of its time.
create index issuance_unsigned on issuance (tbs_sha256) where issued = 'invalid';
create index entry_malformed on entry (log_ref) where malformed;
create index sct_promise on sct (log_id, timestamp_ms);
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
	source		text not null,
	told		boolean not null,	-- the log never showed it to us
	first_seen	timestamptz not null default now(),
	last_seen	timestamptz not null default now(),
	primary key (head_id, source)
);
create index vantage_head_source on vantage_head (source);

-- Removes heads of a log that nothing refers to but the first of each day,
-- when they are older than ${age}; at most ${max}.  What is anomalous stays,
-- and so does what waits to be compared (of others: thirty days).  The
-- engine's role may not delete heads in another way.
do $do$
begin
	execute format($f$
create function head_sweep(ref int, age interval, max int) returns bigint
language plpgsql security definer set search_path = %I, pg_temp as $$
declare
	ids bigint[];
	c record;
	n bigint;
begin
	-- the day's first stays
	select array_agg(id) into ids from (
		select t.id from (
			select h.id, h.consistency, h.last_seen, row_number() over (
			    partition by (h.first_seen at time zone 'UTC')::date
			    order by h.id) as nth
			from tree_head h where h.log_ref = ref and h.verdict = 'valid'
			and h.consistency <> 'conflict' and h.last_seen < now() - age) t
		where t.nth > 1 and not (t.consistency = 'pending' and
		    t.last_seen > now() - interval '30 days' and
		    exists (select from vantage_head v where v.head_id = t.id))
		and not exists (select from log_health x where x.log_ref = ref and
		    x.head_id = t.id)
		order by t.id) d;
	if ids is null then
		return 0;
	end if;
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
	delete from tree_head where id = any(ids[1:max]);
	get diagnostics n = row_count;
	return n;
end $$
$f$, current_schema());
end $do$;

-- --- end of logs are audited -------------------------------------------------

-- --- retention and moving ----------------------------------------------------

-- --- end of retention and moving ---------------------------------------------

select grant_roles();
