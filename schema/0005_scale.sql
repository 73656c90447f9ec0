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

-- --- end of how fast logs are asked ------------------------------------------

-- --- coverage: what is not seen ----------------------------------------------

-- --- end of coverage ---------------------------------------------------------

-- --- logs are audited --------------------------------------------------------

-- --- end of logs are audited -------------------------------------------------

-- --- retention and moving ----------------------------------------------------

-- --- end of retention and moving ---------------------------------------------

select grant_roles();
