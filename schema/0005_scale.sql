-- All of CT: many workers, history, coverage with proof, logs audited.

-- --- workers and work --------------------------------------------------------

-- --- end of workers and work -------------------------------------------------

-- --- history: back-fill ------------------------------------------------------

-- --- end of history ----------------------------------------------------------

-- --- how fast logs are asked -------------------------------------------------

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

-- --- end of retention and moving ---------------------------------------------

select grant_roles();
