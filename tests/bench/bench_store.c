#include <dlfcn.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "auditor/db/match_store.h"
#include "auditor/db/migrate.h"
#include "auditor/db/watch_store.h"
#include "auditor/role/judge.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "tests/bench/made_match.h"

/*
 * Matches stored a second, as the engine stores many of them: certificate,
 * names, issuance, entry with its proof, which watch it matched, and what is
 * decided about it.  Against INSERTs of the same rows, one a transaction (with
 * nothing looked up or decided), against one INSERT of all of them a transaction,
 * against that of one row with the certificate alone, and against the same work of
 * ours with one match a transaction.  usage: bench_store CONNINFO [ROUNDS [SUFFIX]]; makes and drops
 * a database.
 */
#define PAGE	LIMIT_MATCH_COMMIT	/* matches a transaction */
#define PAGES	2		/* a round */
#define SINGLES	1024		/* transactions a round, or a second of them */

static struct conf		 conf;
static struct watch_set		 set;
static struct watch_base	*base;
static struct db		*db;
static size_t			 stored[3];	/* by log */

static double
now(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "bench_store: %s: %s\n", what, why);
	exit(2);
}

static void
sql(struct db *c, const char *text)
{
	struct err	e = ERR_INIT;

	if (db_script(c, text, &e) == -1)
		die(text, e.msg);
}

/* --- libpq, loaded as db/db_libpq.c does ---------------------------------------- */

static struct {
	PGconn		*(*connect)(const char *);
	PGresult	*(*prepare)(PGconn *, const char *, const char *, int,
			    const Oid *);
	PGresult	*(*exec)(PGconn *, const char *, int,
			    const char *const *, const int *, const int *,
			    int);
	ExecStatusType	 (*status)(const PGresult *);
	char		*(*error)(const PGconn *);
	void		 (*clear)(PGresult *);
} pq;

static void
load_libpq(void)
{
	static const char *const	 names[] = { "PQconnectdb", "PQprepare",
		"PQexecPrepared", "PQresultStatus", "PQerrorMessage",
		"PQclear" };
	void				*lib = dlopen("libpq.so.5", RTLD_NOW);
	void				*f[6];
	size_t				 i;

	for (i = 0; i < 6; i++)
		if (lib == NULL || (f[i] = dlsym(lib, names[i])) == NULL)
			die("libpq.so.5", "cannot be loaded");
	memcpy(&pq, f, sizeof(pq));
}

/* ${n} parameters have these types; 0: as the statement has them. */
static void
prepare(PGconn *c, const char *name, const char *sql, const Oid *types, int n)
{
	PGresult	*r = pq.prepare(c, name, sql, n, types);

	if (pq.status(r) != PGRES_COMMAND_OK)
		die(name, pq.error(c));
	pq.clear(r);
}

/* Rows a second, one INSERT a transaction, prepared, binary. */
static double
singles(PGconn *c)
{
	uint8_t		 cert[CERT], leaf[32];
	uint64_t	 index;
	uint32_t	 log = __builtin_bswap32(7);
	const char	*v[6];
	int		 n[6], form[6] = { 1, 1, 1, 1, 1, 1 };
	PGresult	*r;
	double		 t = now();
	size_t		 i, k;

	for (i = 0; i < SINGLES && now() - t < 1; i++) {
		index = __builtin_bswap64(++next_index);
		sha_256(leaf, (const uint8_t *)&index, sizeof(index));
		for (k = 0; k < CERT; k++)
			cert[k] = (uint8_t)(leaf[k % 32] + k / 32 * 37);
		v[0] = (const char *)&log;
		v[1] = (const char *)&index;
		v[2] = (const char *)leaf;
		v[3] = ".a.example";
		v[4] = "www.a.example,a.example";
		v[5] = (const char *)cert;
		n[0] = 4;
		n[1] = 8;
		n[2] = 32;
		n[3] = (int)strlen(v[3]);
		n[4] = (int)strlen(v[4]);
		n[5] = CERT;
		r = pq.exec(c, "ins", 6, v, n, form, 1);
		if (pq.status(r) != PGRES_COMMAND_OK)
			die("insert", pq.error(c));
		pq.clear(r);
	}
	return (double)i / (now() - t);
}

/* Milliseconds of a transaction that only commits. */
static double
commits(PGconn *c)
{
	PGresult	*r;
	double		 t = now();
	size_t		 i;

	for (i = 0; i < SINGLES && now() - t < 0.5; i++) {
		r = pq.exec(c, "commit", 0, NULL, NULL, NULL, 0);
		if (pq.status(r) != PGRES_TUPLES_OK)
			die("commit", pq.error(c));
		pq.clear(r);
	}
	return (now() - t) / (double)i * 1e3;
}

/* --- its rows, by a client that only writes them ------------------------------- */

/*
 * The rows of a match, and nothing else: ${n} of a table.  Parameters are those
 * of rows().
 */
static const struct {
	const char	*name;
	size_t		 n;
	const char	*sql;
} table[] = {
	{ "issuance", 1, "insert into issuance (tbs_sha256, "
	    "issuer_spki_sha256, spki_sha256, serial, key_type, names, "
	    "issuer_owner, issued, subject, issuer, not_before, not_after, "
	    "logged_at, decision, rule, rule_reason, facts, said, decided_at) "
	    "values ($1, $10, $2, $3, 'p256', $4, 'ca.example', 'valid', "
	    "($4)[1], 'CN=Bench CA', '2026-05-28', '2027-01-15', now(), "
	    "'baseline', 5, '', $9, $11, now()) on conflict do nothing" },
	{ "certificate", 1, "insert into certificate (tbs_sha256, sha256, "
	    "der, form, chain, not_after) values ($1, $5, $6, 'x509', "
	    "array[$10], '2027-01-15') on conflict do nothing" },
	{ "certificate_name", 3, "insert into certificate_name (tbs_sha256, "
	    "name) select $1, unnest($4) on conflict do nothing" },
	{ "entry", 1, "insert into entry (log_ref, index, timestamp_ms, "
	    "entry_type, leaf, leaf_hash, tbs_sha256, cert_sha256, proof, "
	    "proof_size, head_id) values (1, $7, 1790000000000, 'x509', $6, "
	    "$5, $1, $5, $8, 1 << 30, 7) on conflict do nothing" },
	{ "entry_match", 1, "insert into entry_match (log_ref, index, "
	    "watch_id, name) values (1, $7, 1, ($4)[1]) on conflict do "
	    "nothing" },
};
#define TABLES	(sizeof(table) / sizeof(table[0]))
#define PARAMS	11

/* Each by itself, under its name, and all of them in one: "rows". */
static void
prepare_rows(PGconn *c)
{
	/* bytea, text, text[], bigint, json */
	static const Oid	types[PARAMS] = { 17, 17, 25, 1009, 17, 17,
				    20, 17, 114, 17, 17 };
	struct buf		all = BUF_INIT;
	size_t			i;

	for (i = 0; i < TABLES; i++) {
		prepare(c, table[i].name, table[i].sql, types, PARAMS);
		if (i < TABLES - 1)
			buf_fmt(&all, "%s t%zu as (%s)", i == 0 ? "with" : ",",
			    i, table[i].sql);
		else
			buf_fmt(&all, " %s", table[i].sql);
	}
	buf_u8(&all, 0);
	prepare(c, "rows", (const char *)all.p, types, PARAMS);
	buf_free(&all);
}

/* What was decided about one, for others. */
static char *
facts_read(void)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	char		*facts;

	if (db_query(db, &r, &e, "select facts from issuance limit 1", "")
	    == -1)
		die("facts", e.msg);
	facts = mem_str(db_text(r, 0, 0));
	db_free(r);
	return facts;
}

/* Seconds that a statement of these parameters takes, in a transaction. */
static double
timed(PGconn *c, const char *name, const char *const *v)
{
	static const int	 n[PARAMS] = { 32, 32, 0, 0, 32, CERT, 0,
				    20 * 32, 0, 32, 16 };
	static const int	 form[PARAMS] = { 1, 1, 0, 0, 1, 1, 0, 1, 0, 1,
				    1 };
	double			 t = now();
	PGresult		*r = pq.exec(c, name, PARAMS, v, n, form, 1);

	t = now() - t;
	if (pq.status(r) != PGRES_COMMAND_OK)
		die(name, pq.error(c));
	pq.clear(r);
	return t;
}

/* The rows of one, each in a transaction of its own. */
static double
timed_apart(PGconn *c, const struct made *x, const char **v)
{
	char	one[sizeof(x->name[0]) + 3];
	double	all = 0;
	size_t	i, k;

	for (i = 0; i < TABLES; i++)
		for (k = 0; k < table[i].n; k++) {
			if (table[i].n != 1) {
				snprintf(one, sizeof(one), "{%s}", x->name[k]);
				v[3] = one;
			}
			all += timed(c, table[i].name, v);
		}
	return all;
}

/* Matches a second, one a transaction, or, ${apart}, one row of it. */
static double
rows(PGconn *c, struct made *x, int apart)
{
	char		 names[128], index[24];
	const char	*v[PARAMS];
	char		*facts = facts_read();
	double		 all = 0;
	size_t		 i;

	for (i = 0; i < SINGLES && all < 1; i++) {
		make(x);
		snprintf(names, sizeof(names), "{%s,%s,%s}", x->name[0],
		    x->name[1], x->name[2]);
		snprintf(index, sizeof(index), "%llu",
		    (unsigned long long)x->m.index);
		v[0] = (const char *)x->m.tbs_sha256;
		v[1] = (const char *)x->m.spki_sha256;
		v[2] = x->serial;
		v[3] = names;
		v[4] = (const char *)x->m.cert_sha256;
		v[5] = (const char *)x->der;
		v[6] = index;
		v[7] = (const char *)x->m.path.hash[0];
		v[8] = facts;
		v[9] = v[10] = (const char *)x->m.issuer_spki;
		all += apart ? timed_apart(c, x, v) : timed(c, "rows", v);
	}
	stored[1] += i;
	free(facts);
	return (double)i / all;
}

/*
 * The same rows of as many matches as pages() stores, out of a table that has all
 * they hold, in transactions of as many: what they cost PostgreSQL at least.
 */
static const char source_sql[] =
    "drop table if exists source_rows; create unlogged table source_rows "
    "with (toast_tuple_target = 8160) as select i, sha256(('t' || i)::bytea) "
    "as tbs, sha256(('k' || i)::bytea) as key, sha256(('c' || i)::bytea) as "
    "cert, (select substr(string_agg(sha256((i || 'd' || k)::bytea), ''), 1, "
    "1200) from generate_series(1, 38) k) as der, (select substr(string_agg("
    "sha256((i || 'l' || k)::bytea), ''), 1, 1200) from generate_series(1, "
    "38) k) as leaf, (select string_agg(sha256((i || 'p' || k)::bytea), '') "
    "from generate_series(1, 20) k) as path, array['n' || i || '.a.example', "
    "'www.n' || i || '.a.example', 'api.n' || i || '.a.example'] as names, "
    "(select facts from issuance limit 1) as facts, (select said from "
    "issuance limit 1) as said from generate_series(%llu, %llu) i";

static const char floor_sql[] =
    "begin; insert into issuance (tbs_sha256, issuer_spki_sha256, "
    "spki_sha256, serial, key_type, names, issuer_owner, issued, subject, "
    "issuer, not_before, not_after, logged_at, decision, rule, rule_reason, "
    "facts, said, decided_at) select tbs, '\\x04', key, "
    "lpad(to_hex(i), 32, '0'), 'p256', names, 'ca.example', 'valid', "
    "names[1], 'CN=Bench CA', '2026-05-28', '2027-01-15', now(), "
    "'baseline', 5, '', facts, said, now() from source_rows; "
    "insert into certificate (tbs_sha256, sha256, der, form, chain, "
    "not_after) select tbs, cert, der, 'x509', array[key], '2027-01-15' "
    "from source_rows; insert into certificate_name (tbs_sha256, name) "
    "select tbs, unnest(names) from source_rows; "
    "insert into entry (log_ref, index, timestamp_ms, entry_type, leaf, "
    "leaf_hash, tbs_sha256, cert_sha256, proof, proof_size, head_id) "
    "select 1, i, 1790000000000, 'x509', leaf, key, tbs, cert, path, "
    "1 << 30, 7 from source_rows; insert into entry_match (log_ref, index, "
    "watch_id, name) select 1, i, 1, names[1] from source_rows; commit";

/* Matches a second, by that. */
static double
floor_of(void)
{
	double	 all = 0, t;
	size_t	 i;
	char	*text;

	for (i = 0; i < PAGES; i++) {
		text = mem_printf(source_sql, (unsigned long long)next_index +
		    1, (unsigned long long)next_index + PAGE);
		sql(db, text);
		free(text);
		next_index += PAGE;
		t = now();
		sql(db, floor_sql);
		all += now() - t;
	}
	stored[1] += PAGES * PAGE;
	return PAGES * PAGE / all;
}

/* Seconds of one transaction with ${n} matches. */
static double
transaction(struct made *x, int log_ref, size_t n)
{
	const struct judge_match	*v[PAGE];
	struct match_in			 in = { .db = db, .conf = &conf,
		.watches = &set, .base = base, .log_ref = log_ref,
		.log_name = "bench", .head_id = 7, .proof_size = 1u << 30 };
	struct err			 e = ERR_INIT;
	double				 t;
	size_t				 k;

	for (k = 0; k < n; k++) {
		make(&x[k]);
		v[k] = &x[k].m;
	}
	stored[log_ref] += n;
	t = now();
	if (db_begin(db, &e) == -1 || match_store(&in, v, n, &e) == -1 ||
	    db_commit(db, &e) == -1)
		die("match_store", e.msg);
	return now() - t;
}

/* Matches a second, PAGE a transaction. */
static double
pages(struct made *x, int log_ref)
{
	double	all = 0;
	size_t	i;

	for (i = 0; i < PAGES; i++)
		all += transaction(x, log_ref, PAGE);
	return PAGES * PAGE / all;
}

/* The same, one a transaction. */
static double
ones(struct made *x, int log_ref)
{
	double	all = 0;
	size_t	i;

	for (i = 0; i < SINGLES && all < 1; i++)
		all += transaction(x, log_ref, 1);
	return (double)i / all;
}

/* Everything that was stored is there, and nothing twice. */
static void
check(void)
{
	const size_t	 want[5] = { stored[1], stored[2], stored[1] +
			    stored[2], stored[1] + stored[2], stored[2] };
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	size_t		 i;

	if (db_query(db, &r, &e, "select (select count(*) from entry where "
	    "log_ref = 1), (select count(*) from entry where log_ref = 2), "
	    "(select count(*) from certificate), (select count(*) from "
	    "entry_match), (select count(*) from finding where kind = "
	    "'certificate.unexpected')", "") == -1)
		die("check", e.msg);
	for (i = 0; i < 5; i++)
		if (db_int(r, 0, i) != (int64_t)want[i]) {
			fprintf(stderr, "bench_store: %lld rows in place %zu, "
			    "not %zu\n", (long long)db_int(r, 0, i), i,
			    want[i]);
			exit(2);
		}
	db_free(r);
}

static int
compare(const void *a, const void *b)
{
	const double	*x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
print(const char *name, const char *suffix, const char *unit, double *v,
    size_t n, const char *goal)
{
	char	full[80];

	snprintf(full, sizeof(full), "%s%s", name, suffix);
	qsort(v, n, sizeof(*v), compare);
	printf("%-34s %-9s %9.3f %6.2f%s\n", full, unit, v[n / 2],
	    v[n - 1] / v[0] - 1, goal);
}

static void
open_watches(struct buf *image)
{
	struct watch_build	*b = watch_build_new();
	struct err		 e = ERR_INIT;

	if (watch_build_file(b, ".a.example\n", 11, "bench", &e) == -1)
		die("watches", e.msg);
	watch_build_done(b, image);
	if (watch_open(&set, image->p, image->n, &e) == -1)
		die("watches", e.msg);
	base = watch_base_new();
}

/*
 * Log 1 was as large as it is when the watch was added: all of it is of the
 * baseline.  Log 2 was empty: each of its certificates gets a finding.
 */
static void
open_database(struct db *admin, const char *info)
{
	struct err	 e = ERR_INIT;

	sql(admin, "create database cvbench_store");
	db = db_open(info, &e);
	if (db == NULL || migrate_up(db, 0, NULL, &e) == -1)
		die(info, e.msg);
	sql(db, "insert into operator (name) values ('Op');"
	    "insert into log (log_id, operator_id, description, protocol, "
	    "url, read_url, key, mmd, state, list_source, first_list, "
	    "watched) select decode(lpad(to_hex(n), 2, '0'), 'hex'), 1, "
	    "'log', 'rfc6962', 'u', 'u', '\\x02', 86400, 'usable', 'chrome', "
	    "true, true from generate_series(1, 2) n;"
	    "insert into watch (pattern, owner, policy, origin) values "
	    "('.a.example', 'team', '', 'cli');"
	    "insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict, consistency) select n, "
	    "(2 - n) << 30, '\\x01', 1, 'sth', '', 'valid', 'proved' from "
	    "generate_series(1, 2) n;"
	    "create table single (log int not null, idx bigint not null, "
	    "leaf bytea not null, watch text not null, names text not null, "
	    "cert bytea not null, primary key (log, idx));"
	    "create index on single (watch)");
}

/* What is measured, and what is made of it. */
enum { COMMIT, INSERT, INSERTS, ROWS, FLOOR, ONE, STORE, FINDINGS, OVER_INSERT,
	OVER_INSERTS, OVER_ROWS, UNDER_FLOOR, FLOOR_OVER, FINDINGS_OVER,
	OVER_ONE, FIGURES };

static void
figures(double v[FIGURES][99], size_t n, const char *suffix)
{
	size_t	i;

	for (i = 0; i < n; i++) {
		v[OVER_INSERT][i] = v[STORE][i] / v[INSERT][i];
		v[OVER_INSERTS][i] = v[STORE][i] / v[INSERTS][i];
		v[OVER_ROWS][i] = v[STORE][i] / v[ROWS][i];
		v[UNDER_FLOOR][i] = v[FLOOR][i] / v[STORE][i];
		v[FLOOR_OVER][i] = v[FLOOR][i] / v[INSERT][i];
		v[FINDINGS_OVER][i] = v[FINDINGS][i] / v[INSERT][i];
		v[OVER_ONE][i] = v[STORE][i] / v[ONE][i];
	}
	print("store_over_inserts", suffix, "x", v[OVER_INSERTS], n,
	    suffix[0] == '\0' ? "  goal >= 8, aim 15" : "");
	print("store_over_insert", suffix, "x", v[OVER_INSERT], n, "");
	print("floor_over_store", suffix, "x", v[UNDER_FLOOR], n, "");
	print("floor_over_insert", suffix, "x", v[FLOOR_OVER], n, "");
	print("store_over_same_rows", suffix, "x", v[OVER_ROWS], n, "");
	print("store_over_store_one", suffix, "x", v[OVER_ONE], n, "");
	print("store_findings_over_insert", suffix, "x", v[FINDINGS_OVER], n,
	    "");
	print("store", suffix, "1/s", v[STORE], n, "");
	print("store_one", suffix, "1/s", v[ONE], n, "");
	print("store_floor", suffix, "1/s", v[FLOOR], n, "");
	print("same_rows", suffix, "1/s", v[ROWS], n, "");
	print("inserts", suffix, "1/s", v[INSERTS], n, "");
	print("insert", suffix, "1/s", v[INSERT], n, "");
	print("commit", suffix, "ms", v[COMMIT], n, "");
}

int
main(int argc, char **argv)
{
	static double	 v[FIGURES][99];
	size_t		 i, rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 5;
	struct made	*x = mem_array(PAGE, sizeof(*x));
	struct buf	 image = BUF_INIT;
	struct err	 e = ERR_INIT;
	struct db	*admin;
	PGconn		*c;
	char		*info;

	if (argc < 2)
		die("usage", "bench_store CONNINFO [ROUNDS [SUFFIX]]");
	rounds = rounds < 1 ? 1 : rounds > 99 ? 99 : rounds;
	if ((admin = db_open(argv[1], &e)) == NULL)
		die(argv[1], e.msg);
	info = mem_printf("%s dbname=cvbench_store", argv[1]);
	open_watches(&image);
	open_database(admin, info);
	load_libpq();
	c = pq.connect(info);
	prepare(c, "ins", "insert into single values ($1, $2, $3, $4, $5, $6) "
	    "on conflict do nothing", NULL, 0);
	prepare_rows(c);
	prepare(c, "commit", "select pg_logical_emit_message(true, 'bench', "
	    "'')", NULL, 0);
	for (i = 0; i < rounds; i++) {
		v[COMMIT][i] = commits(c);
		v[INSERT][i] = singles(c);
		v[STORE][i] = pages(x, 1);
		v[FLOOR][i] = floor_of();
		v[ROWS][i] = rows(c, x, 0);
		v[INSERTS][i] = rows(c, x, 1);
		v[ONE][i] = ones(x, 1);
		v[FINDINGS][i] = pages(x, 2);
	}
	check();
	figures(v, rounds, argc > 3 ? argv[3] : "");
	db_close(db);
	sql(admin, "drop database cvbench_store with (force)");
	db_close(admin);
	watch_base_free(base);
	buf_free(&image);
	free(info);
	free(x);
	return 0;
}
