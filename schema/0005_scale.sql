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
	grown		double precision not null default 0, -- added last
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
	holder		text not null,
	seen_at		timestamptz not null default now(),
	primary key (kind, subject, source, holder)
);

-- --- end of how fast logs are asked ------------------------------------------

-- --- coverage: what is not seen ----------------------------------------------

-- The estimate of the blind share looks at the newest issuances.
create index issuance_seen on issuance (first_seen);

-- The canary of the configuration: at most one row.
create table canary (
	name		text primary key,
	since		timestamptz not null default now()
);

-- --- end of coverage ---------------------------------------------------------

-- --- logs are audited --------------------------------------------------------

-- --- end of logs are audited -------------------------------------------------

-- --- retention and moving ----------------------------------------------------

-- One row: this database was moved away, or has not arrived yet.
create table database_move (
	only_row	boolean primary key default true check (only_row),
	state		text not null check (state in ('incoming', 'moved')),
	peer		text not null,		-- the other side, without a password
	author		text not null,
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

-- --- end of retention and moving ---------------------------------------------

select grant_roles();
