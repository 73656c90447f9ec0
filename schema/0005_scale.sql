-- All of CT: many workers, history, coverage with proof, logs audited.

-- --- workers and work --------------------------------------------------------

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

-- What reading it cost: bytes on the wire, and the entries that they gave.
alter table log_health add column wire_bytes bigint not null default 0;
alter table log_health add column wire_entries bigint not null default 0;

-- A log that had no tiles beside get-entries is asked again after a day.
alter table log add column hybrid_at timestamptz;

-- --- end of how fast logs are asked ------------------------------------------

-- --- coverage: what is not seen ----------------------------------------------

-- --- end of coverage ---------------------------------------------------------

-- --- logs are audited --------------------------------------------------------

-- --- end of logs are audited -------------------------------------------------

-- --- retention and moving ----------------------------------------------------

-- --- end of retention and moving ---------------------------------------------

select grant_roles();
