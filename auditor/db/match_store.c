#include "auditor/db/match_store.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "auditor/db/match_put.h"
#include "auditor/db/watch_store.h"
#include "auditor/decide.h"
#include "auditor/role/judge.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/owner.h"

struct store {
	const struct match_in	*in;
	uint32_t		*watch;	/* of the image, in their order */
	struct watch_rows	*rows;	/* of each */
	size_t			 nwatch;
	struct decide_match	*d;	/* of all matches */
	size_t			 nd, dcap;
	struct match_row	*row;
	size_t			 nrow;
};

static void
store_free(struct store *s)
{
	watch_rows_free(s->rows, s->nwatch);
	free(s->rows);
	free(s->watch);
	free(s->d);
	free(s->row);
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t	*x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The rows of all watches that these hit. */
static int
resolve(struct store *s, const struct judge_match *const *m, size_t n,
    struct err *e)
{
	const char	**name;
	size_t		  i, k, hits = 0;
	int		  rc;

	for (i = 0; i < n; i++)
		hits += m[i]->nhits;
	s->watch = mem_array(hits + 1, sizeof(*s->watch));
	for (i = hits = 0; i < n; i++)
		for (k = 0; k < m[i]->nhits; k++)
			s->watch[hits++] = m[i]->hit_watch[k];
	qsort(s->watch, hits, sizeof(*s->watch), by_number);
	if (hits != 0 &&
	    s->watch[hits - 1] >= watch_count(s->in->watches))
		return err_set(e, ERR_FORMAT, "a judge named a watch that is "
		    "not in the set");
	name = mem_array(hits + 1, sizeof(*name));
	for (i = k = 0; i < hits; i++)
		if (k == 0 || s->watch[k - 1] != s->watch[i]) {
			name[k] = watch_text(s->in->watches, s->watch[i]);
			s->watch[k++] = s->watch[i];
		}
	s->rows = mem_array(k + 1, sizeof(*s->rows));
	rc = watch_resolve(s->in->db, name, k, s->rows, e);
	s->nwatch = k;
	free(name);
	return rc;
}

/* Add the rows that a match hits, each with rule 5 answered, to s->d. */
static int
hits(struct store *s, const struct judge_match *m, struct err *e)
{
	const struct watch_rows	*r;
	const uint32_t		*w;
	struct decide_match	*d;
	size_t			 i, k;

	for (i = 0; i < m->nhits; i++) {
		w = bsearch(&m->hit_watch[i], s->watch, s->nwatch,
		    sizeof(*w), by_number);
		r = &s->rows[w - s->watch];
		for (k = 0; k < r->n; k++) {
			s->d = mem_grow(s->d, &s->dcap, s->nd + 1,
			    sizeof(*s->d));
			d = &s->d[s->nd++];
			*d = (struct decide_match){
			    .log_ref = s->in->log_ref,
			    .index = (int64_t)m->index,
			    .timestamp_ms = (int64_t)m->timestamp_ms,
			    .watch_id = r->v[k].id,
			    .pattern = r->v[k].pattern,
			    .owner = r->v[k].owner,
			    .policy = r->v[k].policy,
			    .name = m->hit_name[i] };
			if (watch_base_get(s->in->base, s->in->db,
			    s->in->log_ref, r->v[k].added_at, d->index,
			    &d->baseline, &d->there_at, e) == -1)
				return -1;
			d->late_s = (d->timestamp_ms -
			    r->v[k].added_at / 1000) / 1000;
		}
	}
	return 0;
}

/* Are those from ${i} on? */
static int
all_baseline(const struct store *s, size_t i)
{
	for (; i < s->nd; i++)
		if (!s->d[i].baseline)
			return 0;
	return 1;
}

static struct span
hash(const uint8_t *p)
{
	return (struct span){ p, 32 };
}

/* Bytes of a watched name in something that cannot be parsed. */
static int
malformed(struct store *s, const struct match_row *v, struct err *e)
{
	const struct judge_match	*m = v->m;
	char				 subject[65];
	const char			*logs[1] = { s->in->log_name };
	struct finding			 f = { .kind = "certificate.malformed",
	    .severity = "high", .reason = m->reason, .proven = 1,
	    .issuer_first_seen = INT64_MIN, .logs = { logs, 1 } };
	struct buf			 detail = BUF_INIT;
	size_t				 i;
	int				 rc = 0;

	(void)enc_hex_to(subject, m->leaf_hash, 32);
	f.subject = subject;
	buf_fmt(&detail, "{\"index\": %llu, \"timestamp\": %llu}",
	    (unsigned long long)m->index, (unsigned long long)m->timestamp_ms);
	f.detail = buf_text(&detail);
	for (i = 0; i < v->nd && rc == 0; i++) {
		if (v->d[i].baseline)
			continue;
		f.owner = v->d[i].owner;
		f.watch = v->d[i].pattern;
		f.name = v->d[i].name;
		rc = finding_open(s->in->db, &f, NULL, NULL, e);
	}
	/* an entry whose place in the log's form is broken is nobody's */
	if (m->nhits == 0 && rc == 0) {
		f.owner = f.watch = f.name = "";
		f.severity = "low";
		f.digest_only = 1;
		rc = finding_open(s->in->db, &f, NULL, NULL, e);
	}
	buf_free(&detail);
	return rc;
}

/* The matches that are stored now, with their watches. */
static int
collect(struct store *s, const struct judge_match *const *m, size_t n,
    struct err *e)
{
	int	proven = s->in->head_id != 0;
	size_t	i, had;

	if (resolve(s, m, n, e) == -1)
		return -1;
	s->row = mem_array(n + 1, sizeof(*s->row));
	for (i = 0; i < n; i++) {
		had = s->nd;
		if (hits(s, m[i], e) == -1)
			return -1;
		/* nobody watches it any more, or it waits for the proof */
		if ((s->nd == had && m[i]->nhits != 0) || (!proven &&
		    (m[i]->malformed || m[i]->issued != 1 ||
		    all_baseline(s, had)))) {
			s->nd = had;
			continue;
		}
		s->row[s->nrow++] = (struct match_row){ m[i], NULL,
		    s->nd - had, 0, 0 };
	}
	/* they stay where they are from here on */
	for (i = had = 0; i < s->nrow; had += s->row[i++].nd)
		s->row[i].d = s->d + had;
	return 0;
}

/* What is no issuance first; then in the order of their issuances. */
static int
by_issuance(const void *a, const void *b)
{
	const struct judge_match	*const *x = a, *const *y = b;
	int				 r;

	if ((*x)->malformed != (*y)->malformed)
		return (*x)->malformed ? -1 : 1;
	r = memcmp((*x)->tbs_sha256, (*y)->tbs_sha256, 32);
	if (r != 0)
		return r;
	return ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

/*
 * Decide about the rest of the issuances, of the rows from ${i} on.  A precertificate and
 * its certificate are one, whose watches follow each other.
 */
static int
decide(struct store *s, size_t i, struct err *e)
{
	struct decide_one	*v = mem_array(s->nrow + 1, sizeof(*v));
	const struct match_row	*r;
	size_t			 n = 0;
	int			 rc;

	for (; i < s->nrow; i++) {
		r = &s->row[i];
		if (r->nd == 0 || r->decided)
			continue;
		if (n != 0 && memcmp(v[n - 1].tbs.p, r->m->tbs_sha256,
		    SHA_LEN) == 0)
			v[n - 1].n += r->nd;
		else
			v[n++] = (struct decide_one){
			    hash(r->m->tbs_sha256), r->d, r->nd, 1 };
	}
	rc = decide_all(s->in->db, s->in->conf, v, n, s->in->head_id != 0, e);
	free(v);
	return rc;
}

int
match_store(const struct match_in *in, const struct judge_match *const *given,
    size_t n, struct err *e)
{
	const struct judge_match	**m;
	struct store			  s;
	size_t				  i = 0;
	int				  rc = -1;

	memset(&s, 0, sizeof(s));
	s.in = in;
	/* in one order everywhere, so that two workers cannot deadlock */
	m = mem_array(n, sizeof(struct judge_match *));
	if (n != 0)
		memcpy(m, given, n * sizeof(struct judge_match *));
	qsort(m, n, sizeof(struct judge_match *), by_issuance);
	if (collect(&s, m, n, e) == -1 ||
	    match_put(in, s.row, s.nrow, e) == -1)
		goto out;
	for (; i < s.nrow && s.row[i].m->malformed; i++)
		if (malformed(&s, &s.row[i], e) == -1)
			goto out;
	if (decide(&s, i, e) == 0)
		rc = db_sync(in->db, e);
out:
	free(m);
	store_free(&s);
	return rc;
}

int
issuer_load(struct db *db, const uint8_t fp[32], int *found, uint8_t key[32],
    struct buf *der, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 id = hash(fp), k;

	*found = 0;
	if (db_query(db, &r, e, "select spki_sha256, der from issuer "
	    "where sha256 = $1", "b", &id) == -1)
		return -1;
	if (db_rows(r) == 1) {
		k = db_bytes(r, 0, 0);
		if (k.n == 32) {
			memcpy(key, k.p, 32);
			buf_span(der, db_bytes(r, 0, 1));
			*found = 1;
		}
	}
	db_free(r);
	return 0;
}

int
issuer_store(struct db *db, struct span der, const uint8_t key[32],
    const char *owner, struct err *e)
{
	uint8_t		digest[32];
	struct span	id = hash(digest), k = hash(key);

	sha_256(digest, der.p, der.n);
	/* not locked when it is known: two workers would wait in a circle */
	return db_push(db, e, "insert into issuer (sha256, spki_sha256, der, "
	    "owner) select $1::bytea, $2::bytea, $3::bytea, $4::text where "
	    "not exists (select from issuer where sha256 = $1 and (owner is "
	    "not null or $4 is null)) on conflict (sha256) do update "
	    "set owner = coalesce(issuer.owner, excluded.owner)", "bbbs", &id,
	    &k, &der, owner);
}
