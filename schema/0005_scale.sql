-- All of CT: many workers, history, coverage with proof, logs audited.

-- --- workers and work --------------------------------------------------------

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
	actor		text not null,
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
	perform pg_advisory_xact_lock(7202611, ref);
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

-- --- end of how fast logs are asked ------------------------------------------

-- --- coverage: what is not seen ----------------------------------------------

-- --- end of coverage ---------------------------------------------------------

-- --- logs are audited --------------------------------------------------------

-- --- end of logs are audited -------------------------------------------------

-- --- retention and moving ----------------------------------------------------

-- --- end of retention and moving ---------------------------------------------

select grant_roles();
