-- What a match costs: what is stored with it, and how it is looked up.

-- Facts are written with every match and read seldom, by people: as text that is
-- looked through once they cost a fraction of what they did taken apart.  Queries
-- say facts::jsonb.
alter table issuance alter facts type json using facts::json;

-- Names by issuance are in its row; those that are stored in another form than the
-- certificate has them in (lower case, A-labels) beside them.  certificate_name is
-- for looking up by name alone: one index, where there were two.
alter table issuance add column folded text[];
update issuance i set folded = x.names from (select c.tbs_sha256,
    array_agg(c.name order by c.name) as names from certificate_name c
    join issuance j on j.tbs_sha256 = c.tbs_sha256 where c.name <> all (j.names)
    group by 1) x where i.tbs_sha256 = x.tbs_sha256;
create view issuance_name as select i.tbs_sha256, n.name from issuance i
    cross join lateral (select distinct unnest(i.names || i.folded) as name) n;
create unique index certificate_name_once on certificate_name
    (name text_pattern_ops, tbs_sha256);
alter table certificate_name drop constraint certificate_name_pkey;
drop index certificate_name_name;

-- What issuance_look() of 0005 said, with fewer look-ups, which are those of many
-- rows where that does not depend on statistics; and with ahead those that are
-- stored (old) are named, of which nothing else is said, instead of all others.
create or replace function issuance_look(bytea[], bytea[], text[], bytea[], text[],
	text[], refs bigint[], watches bigint[], ahead boolean)
	returns table (nr bigint, what text, v text)
language plpgsql set jit = off
set plan_cache_mode = force_generic_plan set enable_seqscan = off
set enable_mergejoin = off as $$
#variable_conflict use_column
begin
	return query
	with old as materialized (select i.tbs_sha256 as tbs from issuance i
		where ahead and i.tbs_sha256 = any ($1)),
	v as materialized (select unnest($1) as tbs, unnest($2) as issuer,
		unnest($3) as serial, unnest($4) as key, unnest($5) as owner,
		unnest($6) as names, generate_series(1, cardinality($1))::bigint as nr),
	u as materialized (select * from v where v.tbs not in (select tbs from old)),
	x as materialized (select u.nr, u.tbs, u.owner, n.name,
		case when strpos(n.name, '.') > 0 then '*' ||
		substr(n.name, strpos(n.name, '.')) else n.name end as wild
		from u, unnest(u.names::text[]) n (name) where u.owner is not null),
	k as (select u.nr, u.key, k.* from u cross join lateral (select * from known
		where tbs_sha256 = u.tbs and removed_at is null offset 0) k
		where (select exists (select from known)) and k.trust <> 'seed' union
		select u.nr, u.key, k.* from u cross join lateral (select * from known
		where spki_sha256 = u.key and removed_at is null offset 0) k
		where (select exists (select from known)) and k.trust <> 'seed'),
	eo as materialized (select * from expectation
		where spki_sha256 = any ($4) and state = 'open'),
	ef as materialized (select * from expectation
		where tbs_sha256 = any ($1) and state = 'fulfilled'),
	e as (select u.nr, e.* from u join eo e on e.spki_sha256 = u.key
		where e.kind = 'issuance' union all
		select u.nr, e.* from u join ef e on e.tbs_sha256 = u.tbs
		where e.kind = 'issuance' and e.spki_sha256 = u.key),
	ao as materialized (select * from acme_order where spki_sha256 = any ($4)),
	o as (select u.nr, u.tbs, m.name as name, e.* from u
		join ao o on o.spki_sha256 = u.key
		cross join lateral (select * from managed_certificate
		where id = o.managed_id offset 0) m
		cross join lateral (select * from expectation
		where id = o.expectation offset 0) e)
	select 0::bigint, 'now', (extract(epoch from now()) * 1000000)::bigint::text
	union all select 0, 'source', json_build_object('name', s.name,
		'names', s.names, 'issuers', s.issuers,
		'until', (extract(epoch from s.until) * 1000000)::bigint)::text
		from (select * from source order by name) s
	union all select l.id, 'log', l.description from log l where l.id = any (refs)
	union all select w.id, 'policy', w.policy from watch w
		where w.removed_at is null and w.id = any (watches)
	union all select v.nr, 'old', null from v
		where v.tbs in (select tbs from old)
	union all select x.nr, 'usual', x.name from x where
		((select exists (select from known k where k.removed_at is null
		and k.issuer_owner is not null)) and exists (select from (select *
		from known where removed_at is null
		and names && array[x.name, x.wild] offset 0) k
		where k.issuer_owner = x.owner and k.trust in ('issuance', 'key', 'seed')
		and k.tbs_sha256 is distinct from x.tbs))
		or exists (select from certificate_name c cross join lateral
		(select from issuance j where j.tbs_sha256 = c.tbs_sha256
		and j.issuer_owner = x.owner
		and j.decision in ('silent', 'baseline') limit 1) j
		where c.name = x.name and c.tbs_sha256 <> x.tbs)
		or exists (select from certificate_name c cross join lateral
		(select from issuance j where j.tbs_sha256 = c.tbs_sha256
		and j.issuer_owner = x.owner
		and j.decision in ('silent', 'baseline') limit 1) j
		where c.name = x.wild and c.tbs_sha256 <> x.tbs)
	union all select x.nr, 'first', m.at::text from x cross join lateral
		(select (extract(epoch from min(j.first_seen)) * 1000000)::bigint as at
		from (select c.tbs_sha256 from certificate_name c
		where c.name = x.name and c.tbs_sha256 <> x.tbs
		union all select c.tbs_sha256 from certificate_name c
		where c.name = x.wild and c.tbs_sha256 <> x.tbs) c
		cross join lateral (select j.first_seen from issuance j
		where j.tbs_sha256 = c.tbs_sha256
		and j.issuer_owner = x.owner limit 1) j) m
		where not ahead and m.at is not null
	union all select d.nr, d.what, d.v::text from (
		select k.nr, 'known' as what, k.id, json_build_object('id', k.id,
		'tbs', encode(k.tbs_sha256, 'hex'), 'key', k.spki_sha256 = k.key,
		'names', k.names, 'issuer_owner', k.issuer_owner,
		'until', (extract(epoch from k.until) * 1000000)::bigint,
		'trust', k.trust, 'place', concat_ws(' ', k.origin, k.source,
		'by', k.author, k.place)) as v from k
		union all select e.nr, 'expect', e.id, json_build_object('id', e.id,
		'state', e.state, 'names', e.names, 'issuer_owner', e.issuer_owner,
		'from', e.not_before_ms, 'to', e.not_after_ms) from e
		union all select o.nr, 'ours', o.id, json_build_object('id', o.id,
		'state', o.state, 'names', o.names, 'issuer_owner', o.issuer_owner,
		'from', o.not_before_ms, 'to', o.not_after_ms, 'order', o.name,
		'used', encode(o.tbs_sha256, 'hex'), 'received', exists (select from
		acme_received a where a.tbs_sha256 = o.tbs)) from o
		order by 2, 1, 3) d
	union all select u.nr, 'twin', encode(j.tbs_sha256, 'hex') from u
		cross join lateral (select j.tbs_sha256 from issuance j
		where j.issuer_spki_sha256 = u.issuer and j.serial = u.serial
		and j.tbs_sha256 <> u.tbs and j.issued = 'valid' limit 8) j
	union all select u.nr, 'finding', json_build_object('id', f.id,
		'kind', f.kind, 'owner', f.owner, 'state', f.state)::text
		from u cross join lateral (select * from finding
		where subject = encode(u.tbs, 'hex') union all
		select * from finding
		where subject = encode(u.issuer, 'hex') || ':' || u.serial) f;
end $$;

-- What matched, as rows: auditor/db/match_put.c.  As those of 0005; arrays are
-- read side by side (unnest in the select list), not each written to a table of
-- its own first.

-- With fresh they are said not to be there: then they are put without being
-- looked up first, and one row of nulls is returned.  Else, or when one of them
-- came meanwhile, those that were not there, and whether they are stored as
-- decided; one that is there is locked, and written again only when there is
-- something new.  They come, and are locked, in one order.
drop function match_issuances(bytea[], bytea[], bytea[], text[], text[], text[], text[],
	text[], text[], text[], timestamptz[], timestamptz[], boolean, text[], bigint[],
	text[], text[], bytea[], timestamptz[]);
create function match_issuances(tbs bytea[], issuer bytea[], key bytea[], serial text[],
	key_type text[], names text[], issuer_owner text[], issued text[], subject text[],
	issuer_name text[], not_before timestamptz[], not_after timestamptz[],
	proven boolean, decision text[], rule bigint[], rule_reason text[], facts text[],
	said bytea[], hold_until timestamptz[], folded text[], fresh boolean)
	returns table (tbs_sha256 bytea, decided boolean) language plpgsql
set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
	if fresh then
		begin
			insert into issuance (tbs_sha256, issuer_spki_sha256, spki_sha256,
			serial, key_type, names, issuer_owner, issued, subject, issuer,
			not_before, not_after, logged_at, decision, rule, rule_reason, facts,
			said, hold_until, decided_at, folded)
			select t, i, k, s, y, n::text[], nullif(o, ''), d, u, r, b, a,
			case when proven then now() end, x, nullif(z, 0), w, f::json, g, h,
			case when x is not null then now() end, nullif(j, '{}')::text[]
			from (select unnest($1) t, unnest($2) i, unnest($3) k, unnest($4) s,
			unnest($5) y, unnest($6) n, unnest($7) o, unnest($8) d,
			unnest($9) u, unnest($10) r, unnest($11) b, unnest($12) a,
			unnest($14) x, unnest($15) z, unnest($16) w, unnest($17) f,
			unnest($18) g, unnest($19) h, unnest($20) j) v;
			return query select null::bytea, null::boolean;
			return;
		exception when unique_violation then
			null;
		end;
	end if;
	return query with x as (insert into issuance as w (tbs_sha256, issuer_spki_sha256,
	spki_sha256, serial, key_type, names, issuer_owner, issued, subject, issuer,
	not_before, not_after, logged_at, decision, rule, rule_reason, facts, said,
	hold_until, decided_at, folded)
	select t, i, k, s, y, n::text[], nullif(o, ''), d, u, r, b, a,
	case when proven then now() end, x, nullif(z, 0), w, f::json, g, h,
	case when x is not null then now() end, nullif(j, '{}')::text[]
	from (select unnest($1) t, unnest($2) i, unnest($3) k, unnest($4) s,
	unnest($5) y, unnest($6) n, unnest($7) o, unnest($8) d,
	unnest($9) u, unnest($10) r, unnest($11) b, unnest($12) a,
	unnest($14) x, unnest($15) z, unnest($16) w, unnest($17) f,
	unnest($18) g, unnest($19) h, unnest($20) j) v
	on conflict (tbs_sha256) do update set issued = case when w.issued = 'valid'
	then 'valid' else excluded.issued end,
	issuer_owner = coalesce(w.issuer_owner, excluded.issuer_owner),
	logged_at = coalesce(w.logged_at, excluded.logged_at)
	where (w.issued <> 'valid' and w.issued <> excluded.issued) or
	(w.issuer_owner is null and excluded.issuer_owner is not null) or
	(w.logged_at is null and excluded.logged_at is not null)
	-- inserted, not updated: nobody has locked such a row yet
	returning w.tbs_sha256, w.decision is not null as decided, w.xmax = 0 as fresh)
	select x.tbs_sha256, x.decided from x where x.fresh;
end $$;

-- Names of issuances that are new, a row each.  Nobody else can have put them
-- there; a certificate that has a name twice takes the longer way.
create or replace function match_names(tbs bytea[], names text[]) returns void
language plpgsql set jit = off
set plan_cache_mode = force_generic_plan as $$
begin
	insert into certificate_name (tbs_sha256, name) select unnest($1), unnest($2);
exception when unique_violation then
	insert into certificate_name (tbs_sha256, name) select unnest($1), unnest($2)
	on conflict do nothing;
end $$;

-- Certificates: those of issuances that are new (fresh) likewise.
create or replace function match_certificates(tbs bytea[], cert bytea[], der bytea[],
	form text[], chain text[], not_after timestamptz[], fresh bigint[]) returns void
language plpgsql set jit = off
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
	if 0 = any (fresh) then
		insert into certificate (tbs_sha256, sha256, der, form, chain, not_after)
		select t, s, d, f, c::bytea[], a from (select unnest($1) t, unnest($2) s,
		unnest($3) d, unnest($4) f, unnest($5) c, unnest($6) a, unnest($7) n) v
		where n = 0 on conflict do nothing;
	end if;
	begin
		insert into certificate (tbs_sha256, sha256, der, form, chain, not_after)
		select t, s, d, f, c::bytea[], a from (select unnest($1) t, unnest($2) s,
		unnest($3) d, unnest($4) f, unnest($5) c, unnest($6) a, unnest($7) n) v
		where n <> 0;
	exception when unique_violation then
		insert into certificate (tbs_sha256, sha256, der, form, chain, not_after)
		select t, s, d, f, c::bytea[], a from (select unnest($1) t, unnest($2) s,
		unnest($3) d, unnest($4) f, unnest($5) c, unnest($6) a, unnest($7) n) v
		where n <> 0 on conflict do nothing;
	end;
end $$;

-- The entries of a log, best in their order; all there are between the first and
-- the last of them is stored once, so that what was never read need not be looked
-- up.  And which watches they matched ($14 on).
create or replace function match_entries(log_ref bigint, size bigint, head bigint,
	leaf bytea[], leaf_hash bytea[], tbs bytea[], cert bytea[], path bytea[],
	form text[], reason text[], index bigint[], timestamp_ms bigint[],
	malformed bigint[], hit bigint[], watch bigint[], name text[], baseline bigint[])
	returns void
language plpgsql set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off as $$
#variable_conflict use_column
begin
	begin
		if exists (select from entry e where e.log_ref = $1 and e.index between
		    (select min(x) from unnest($11) x) and
		    (select max(x) from unnest($11) x)) then
			raise unique_violation;
		end if;
		insert into entry (log_ref, index, timestamp_ms, entry_type, leaf,
		leaf_hash, tbs_sha256, cert_sha256, malformed, reason, proof, proof_size,
		head_id) select $1, i, m, y, l, h, t, s, b <> 0, nullif(r, ''), p, $2, $3
		from (select unnest($4) l, unnest($5) h, unnest($6) t, unnest($7) s,
		unnest($8) p, unnest($9) y, unnest($10) r, unnest($11) i, unnest($12) m,
		unnest($13) b) v;
		insert into entry_match (log_ref, index, watch_id, name, baseline)
		select $1, i, w, n, b <> 0 from (select unnest($14) i, unnest($15) w,
		unnest($16) n, unnest($17) b) v;
	exception when unique_violation then
		insert into entry (log_ref, index, timestamp_ms, entry_type, leaf,
		leaf_hash, tbs_sha256, cert_sha256, malformed, reason, proof, proof_size,
		head_id) select $1, i, m, y, l, h, t, s, b <> 0, nullif(r, ''), p, $2, $3
		from (select unnest($4) l, unnest($5) h, unnest($6) t, unnest($7) s,
		unnest($8) p, unnest($9) y, unnest($10) r, unnest($11) i, unnest($12) m,
		unnest($13) b) v on conflict do nothing;
		insert into entry_match (log_ref, index, watch_id, name, baseline)
		select $1, i, w, n, b <> 0 from (select unnest($14) i, unnest($15) w,
		unnest($16) n, unnest($17) b) v on conflict do nothing;
	end;
end $$;

-- What was decided about them; see 0005.
create or replace function issuance_decide(bytea[], text[], bigint[], text[], text[],
	bytea[], timestamptz[], bigint[], text[]) returns void
language plpgsql set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off set enable_bitmapscan = off as $$
begin
	insert into certificate_name (tbs_sha256, name) select t.tbs, n from
	unnest($1, $9) t (tbs, names), unnest(t.names::text[]) n
	on conflict do nothing;
	update issuance i set decision = t.decision, rule = nullif(t.rule, 0),
	rule_reason = t.reason, facts = t.facts::json, said = t.said,
	hold_until = t.hold, decided_at = now(),
	folded = coalesce(i.folded, nullif(t.names, '{}')::text[]),
	logged_at = coalesce(i.logged_at,
	case when t.proven <> 0 then now() end) from
	unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) t (tbs, decision, rule, reason,
	facts, said, hold, proven, names) where i.tbs_sha256 = t.tbs;
end $$;

-- A row stays in one piece up to what a page holds: certificates and hashes do not
-- compress, and a second row in another table, with an index, costs as much again.
do $$
declare
	t regclass;
begin
	for t in select relid from pg_partition_tree('certificate') where isleaf
	    union all select relid from pg_partition_tree('entry') where isleaf loop
		execute format('alter table %s set (toast_tuple_target = 8160)', t);
	end loop;
end $$;
do $do$
begin
	-- As it was, for a log that is back: what evidence needed of its entries lies
	-- in the default partition.
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
	-- Partitions of certificate for all that expires before $1; what lies in the
	-- default one already moves.  Returns how many were made.
	execute format($f$
create or replace function retention_ahead(until timestamptz) returns int
language plpgsql security definer set search_path = %1$I, pg_temp as $$
declare
	d timestamptz;
	part text;
	made int := 0;
begin
	perform pg_advisory_xact_lock(7202614);
	select max(over_at) into d from retention_part where parent = 'certificate';
	while d < until loop
		part := 'certificate_' || to_char(d at time zone 'UTC', 'YYYY_MM');
		execute format('create table %%I (like certificate including all)
		    with (toast_tuple_target = 8160)', part);
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

-- What evidence needs, as in 0005.  Hashes stand alone between quotes, mostly; the
-- search for 64 digits, which stands for 64 states, took most of the time in which
-- a partition is dropped.
create or replace function retention_needed() returns setof bytea language sql stable as $$
	select decode(h.hex, 'hex') from finding f
	    cross join lateral unnest(string_to_array(f.subject || '"' ||
	    f.detail::text, '"')) x
	    cross join lateral (select case when length(x) = 64
	    and translate(x, '0123456789abcdef', '') = '' then x end as hex
	    union all select substr(m[1], k * 64 + 1, 64)
	    from regexp_matches(x, '[0-9a-f]{8,}', 'g') m,
	    generate_series(0, length(m[1]) / 64 - 1) k where length(x) > 64) h
	where length(x) >= 64
	union
	select i.tbs_sha256 from finding f cross join lateral (select j.tbs_sha256
	    from issuance j where j.issuer_spki_sha256 = case when f.subject ~
	    '^[0-9a-f]{64}:[0-9a-f]+$' then decode(left(f.subject, 64), 'hex') end
	    and j.serial = substr(f.subject, 66)) i
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
-- As in 0005; what is needed is looked up in the partition, which is not read.
do $do$
begin
	execute format($f$
create or replace function retention_drop(part text) returns bigint
language plpgsql security definer set search_path = %1$I, pg_temp set jit = off as $$
declare
	p record;
	kept bigint;
	cond text;
begin
	perform pg_advisory_xact_lock(7202614);
	select * into p from retention_part where name = part and over_at < now();
	if not found then
		raise exception 'partition %% is not over, or there is none', part;
	end if;
	cond := case p.parent when 'entry' then format('union select x.ctid from %%I x '
	    'where x.malformed or '
	    'x.index in (select i::text::bigint from finding f, '
	    'jsonb_path_query(f.detail, ''$.**.index'') i where '
	    'f.kind = ''log.misbehaved'' and jsonb_typeof(i) = ''number'' and '
	    'f.subject = (select encode(log_id, ''base64'') from log where '
	    'id = %%s))', p.name, p.log_ref) else '' end;
	execute format('alter table %%I detach partition %%I', p.parent, p.name);
	execute format('insert into %%I select x.* from %%I x where x.ctid = any (array(
	    select y.ctid from (select distinct n from retention_needed() n) n
	    cross join lateral (select ctid from %%I where tbs_sha256 = n.n offset 0) y
	    %%s))', p.parent, p.name, p.name, cond);
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
end $do$;


select grant_roles();
select grant_functions();
