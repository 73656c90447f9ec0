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

-- Days before, since the last row, on which nothing was proven.
update coverage_day d set gaps = g.n from (select log_ref, day, day -
    lag(day) over (partition by log_ref order by day) - 1 as n from
    coverage_day) g where g.log_ref = d.log_ref and g.day = d.day and g.n > 0;

-- --- end of coverage ---------------------------------------------------------

-- --- logs are audited --------------------------------------------------------

-- --- end of logs are audited -------------------------------------------------

-- --- retention and moving ----------------------------------------------------

-- --- end of retention and moving ---------------------------------------------

select grant_roles();
