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
