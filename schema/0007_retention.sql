-- A partition is dropped without anybody waiting for what is looked up before.

-- What evidence needs, as in 0006; with since only what can have come since then,
-- the oldest transaction that was under way: of findings that are older the text is
-- not looked through again.
drop function retention_needed();
create function retention_needed(since xid default null) returns setof bytea
language sql stable as $$
	select decode(h.hex, 'hex') from finding f
	    cross join lateral unnest(string_to_array(f.subject || '"' ||
	    f.detail::text, '"')) x
	    cross join lateral (select case when length(x) = 64
	    and translate(x, '0123456789abcdef', '') = '' then x end as hex
	    union all select substr(m[1], k * 64 + 1, 64)
	    from regexp_matches(x, '[0-9a-f]{8,}', 'g') m,
	    generate_series(0, length(m[1]) / 64 - 1) k where length(x) > 64) h
	where (since is null or age(f.xmin) <= age(since)) and length(x) >= 64
	union
	select i.tbs_sha256 from finding f cross join lateral (select j.tbs_sha256
	    from issuance j where j.issuer_spki_sha256 = case when f.subject ~
	    '^[0-9a-f]{64}:[0-9a-f]+$' then decode(left(f.subject, 64), 'hex') end
	    and j.serial = substr(f.subject, 66)) i
	where substr(f.subject, 65, 1) = ':'
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

-- As in 0006, in another order: what is needed first, which takes long, while
-- everybody reads and writes; then nobody else does, and what came meanwhile is
-- added, what is needed is looked up in the partition, which is not read, and it
-- goes.  Matches of entries that go are left to the caller, who takes some at a
-- time (entry_match without entry: auditor/db/retain.c).
do $do$
begin
	execute format($f$
create or replace function retention_drop(part text) returns bigint
language plpgsql security definer set search_path = %1$I, pg_temp set jit = off as $$
declare
	p record;
	kept bigint;
	since xid;
	needed bytea[];
	cond text;
begin
	perform pg_advisory_xact_lock(7202614);
	-- who makes a partition of entry waits for us, and nobody for that one
	lock table entry in share update exclusive mode;
	select * into p from retention_part where name = part and over_at < now();
	if not found then
		raise exception 'partition %% is not over, or there is none', part;
	end if;
	since := pg_snapshot_xmin(pg_current_snapshot())::xid;
	needed := array(select n from retention_needed() n);
	cond := case p.parent when 'entry' then format('union all select x.ctid '
	    'from %%1$I x where x.malformed union all select x.ctid from '
	    '(select distinct i::text::bigint as nr from finding f, '
	    'jsonb_path_query(f.detail, ''$.**.index'') i where '
	    'f.kind = ''log.misbehaved'' and jsonb_typeof(i) = ''number'' and '
	    'f.subject = (select encode(log_id, ''base64'') from log where '
	    'id = %%2$s)) f cross join lateral (select ctid from %%1$I where '
	    'log_ref = %%2$s and index = f.nr offset 0) x', p.name, p.log_ref)
	    else '' end;
	execute format('lock table %%I in access exclusive mode', p.parent);
	-- a log that is listed again has it
	perform from retention_part where name = part and over_at < now();
	if not found then
		return null;
	end if;
	execute format('alter table %%I detach partition %%I', p.parent, p.name);
	execute format('insert into %%I select x.* from %%I x where x.ctid = any (array(
	    select y.ctid from (select unnest($1) as n union
	    select retention_needed($2)) n
	    cross join lateral (select ctid from %%I where tbs_sha256 = n.n offset 0) y
	    %%s))', p.parent, p.name, p.name, cond) using needed, since;
	get diagnostics kept = row_count;
	execute format('select %%L::bigint where exists (select from %%I)', kept, p.name)
	    into kept;
	execute format('drop table %%I', p.name);
	return kept;
end $$
$f$, current_schema());
	-- As in 0006, but what all lock comes first: with the default partition locked,
	-- or waited for, it would wait for who reads that and drops one.
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
	lock table entry in share update exclusive mode;
	if not exists (select from entry_rest where log_ref = ref) then
		execute format('create table %%I partition of entry for values in (%%s)
		    with (toast_tuple_target = 8160)', part, ref);
		return;
	end if;
	execute format('create table %%I (like entry including all)
	    with (toast_tuple_target = 8160)', part);
	lock table entry_rest in access exclusive mode;
	execute format('with x as (delete from entry_rest where log_ref = %%s returning *)
	    insert into %%I select * from x', ref, part);
	execute format('alter table entry attach partition %%I for values in (%%s)',
	    part, ref);
end $$
$f$, current_schema());
end $do$;

select grant_roles();
select grant_functions();
