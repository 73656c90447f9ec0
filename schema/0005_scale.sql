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

-- Partitions and until when what is in them mattered: of certificate, when the
-- last of them expires; of entry, when its log was retired (null: it is not).
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
    greatest(l.interval_to, l.state_at) end
from pg_inherits i join pg_class c on c.oid = i.inhrelid
join log l on c.relname = 'entry_' || l.id
where i.inhparent = 'entry'::regclass;

-- What evidence needs: certificates that a finding names, whatever became of
-- it, that are expected, managed or were served lately.  What is known carries
-- in its own row what it needs.
create function retention_needed() returns setof bytea language sql stable as $$
	select decode(x[1], 'hex') from finding f,
	    regexp_matches(f.subject || ' ' || f.detail::text, '[0-9a-f]{64}', 'g') x
	union
	select i.tbs_sha256 from finding f cross join lateral (select j.tbs_sha256
	    from issuance j where j.issuer_spki_sha256 = case when f.subject ~
	    '^[0-9a-f]{64}:[0-9a-f]+$' then decode(left(f.subject, 64), 'hex') end
	    and j.serial = substr(f.subject, 66)) i
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
	perform pg_advisory_xact_lock(7202612);
	select * into p from retention_part where name = part and over_at < now();
	if not found then
		raise exception 'partition %% is not over, or there is none', part;
	end if;
	cond := case p.parent when 'entry' then ' or x.malformed' else '' end;
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
	perform pg_advisory_xact_lock(7202612);
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

-- --- end of retention and moving ---------------------------------------------

select grant_roles();
