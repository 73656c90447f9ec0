#include "auditor/db/match_store.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "auditor/db/watch_store.h"
#include "auditor/decide.h"
#include "auditor/role/judge.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/entry.h"
#include "pki/owner.h"

/* The rows of a watch of the image, looked up once a call. */
struct rows {
	uint32_t		 watch;
	struct watch_row	*v;
	size_t			 n;
};

struct store {
	const struct match_in	*in;
	struct rows		*rows;
	size_t			 nrows, cap;
	struct decide_match	*d;	/* of the match at hand */
	size_t			 nd, dcap;
};

static void
store_free(struct store *s)
{
	size_t	i;

	for (i = 0; i < s->nrows; i++) {
		watch_row_free(s->rows[i].v, s->rows[i].n);
		free(s->rows[i].v);
	}
	free(s->rows);
	free(s->d);
}

static const struct rows *
resolve(struct store *s, uint32_t watch, struct err *e)
{
	struct rows	*r;
	size_t		 i;
	int		 n;

	for (i = 0; i < s->nrows; i++)
		if (s->rows[i].watch == watch)
			return &s->rows[i];
	if (watch >= watch_count(s->in->watches)) {
		(void)err_set(e, ERR_FORMAT, "a judge named a watch that is "
		    "not in the set");
		return NULL;
	}
	s->rows = mem_grow(s->rows, &s->cap, s->nrows + 1, sizeof(*s->rows));
	r = &s->rows[s->nrows];
	r->watch = watch;
	r->v = mem_array(LIMIT_WATCH_OWNERS, sizeof(*r->v));
	n = watch_resolve(s->in->db, watch_text(s->in->watches, watch), r->v,
	    LIMIT_WATCH_OWNERS, e);
	if (n == -1) {
		free(r->v);
		return NULL;
	}
	r->n = n > LIMIT_WATCH_OWNERS ? LIMIT_WATCH_OWNERS : (size_t)n;
	s->nrows++;
	return r;
}

/* Add the rows that a match hits, each with rule 5 answered, to s->d. */
static int
hits(struct store *s, const struct judge_match *m, struct err *e)
{
	const struct rows	*r;
	struct decide_match	*d;
	size_t			 i, k;

	for (i = 0; i < m->nhits; i++) {
		if ((r = resolve(s, m->hit_watch[i], e)) == NULL)
			return -1;
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
			    &d->baseline, e) == -1)
				return -1;
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

/* A time that PostgreSQL can hold, whatever the certificate says. */
static int64_t
sane(int64_t t)
{
	return t == INT64_MIN ? 0 : t;
}

static struct span
hash(const uint8_t *p)
{
	return (struct span){ p, 32 };
}

/* Who signed it; and the CA itself, where a certificate of its did. */
static int
put_issuers(struct db *db, const struct judge_match *m, const char *owner,
    struct err *e)
{
	if (m->chain_fp || m->nchain == 0 || m->issued != 1)
		return 0;
	if (issuer_store(db, m->chain[0], m->chain_spki, owner, e) == -1)
		return -1;
	/* a Precertificate Signing Certificate (RFC 6962 3.1) */
	if (m->nchain > 1 && memcmp(m->chain_spki, m->issuer_spki, 32) != 0)
		return issuer_store(db, m->chain[1], m->issuer_spki, owner,
		    e);
	return 0;
}

/* The certificate, its issuers, its names and its issuance. */
static int
put_certificate(struct store *s, const struct judge_match *m, struct err *e)
{
	static const char *const issued[] = { "unchecked", "invalid", "valid" };
	struct db		*db = s->in->db;
	struct span		 fp[LIMIT_CHAIN];
	uint8_t			 digest[LIMIT_CHAIN][32];
	struct db_spans		 chain = { fp, 0 };
	struct db_strs		 names = { m->names, m->nnames };
	struct span		 tbs = hash(m->tbs_sha256);
	struct span		 sha = hash(m->cert_sha256);
	struct span		 spki = hash(m->spki_sha256);
	struct span		 ikey = hash(m->issuer_spki);
	const char		*owner = m->owner;
	size_t			 i;

	for (i = 0; i < m->nchain && i < LIMIT_CHAIN; i++) {
		fp[i] = m->chain[i];
		if (!m->chain_fp) {
			sha_256(digest[i], m->chain[i].p, m->chain[i].n);
			fp[i] = hash(digest[i]);
		}
		chain.n = i + 1;
	}
	/* chain[0] did sign it, so CCADB's word about it counts */
	if (owner[0] == '\0' && chain.n != 0 && m->issued == 1 &&
	    owner_of_fingerprint(fp[0].p) != NULL)
		owner = owner_of_fingerprint(fp[0].p);
	if (put_issuers(db, m, owner[0] != '\0' ? owner : NULL, e) == -1)
		return -1;
	if (db_push(db, e, "insert into issuance (tbs_sha256, "
	    "issuer_spki_sha256, serial, spki_sha256, key_type, names, "
	    "not_before, not_after, issuer_owner, issued, logged_at, subject, "
	    "issuer) values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, ''), "
	    "$10, case when $11 then now() end, $12, $13) on conflict (tbs_sha256) do update "
	    "set issued = case when issuance.issued = 'valid' then 'valid' "
	    "else excluded.issued end, issuer_owner = "
	    "coalesce(issuance.issuer_owner, excluded.issuer_owner), "
	    "logged_at = coalesce(issuance.logged_at, excluded.logged_at)",
	    "bbsbsattssBss", &tbs, &ikey, m->serial, &spki, m->key_type, &names,
	    sane(m->not_before), sane(m->not_after), owner,
	    issued[m->issued + 1], s->in->head_id != 0, m->subject,
	    m->issuer) == -1)
		return -1;
	if (db_push(db, e, "insert into certificate (sha256, not_after, "
	    "tbs_sha256, form, der, chain) values ($1, $2, $3, $4, $5, $6) "
	    "on conflict do nothing", "btbsbA", &sha, sane(m->not_after), &tbs,
	    m->type == ENTRY_PRECERT ? "precert" : "x509", &m->der, &chain)
	    == -1)
		return -1;
	return db_push(db, e, "insert into certificate_name (tbs_sha256, "
	    "name) select distinct $1, n from unnest($2) n "
	    "on conflict do nothing", "ba", &tbs, &names);
}

/* The entry with its proof, and which watches it matched. */
static int
put_entry(struct store *s, const struct judge_match *m, struct err *e)
{
	struct db	*db = s->in->db;
	struct span	 leaf = hash(m->leaf_hash);
	struct span	 tbs = hash(m->malformed ? NULL : m->tbs_sha256);
	struct span	 sha = hash(m->cert_sha256);
	struct span	 proof = { m->path.n != 0 ? m->path.hash[0] :
	    (const uint8_t *)"", (size_t)m->path.n * 32 };
	size_t		 i;

	if (db_push(db, e, "insert into entry (log_ref, index, timestamp_ms, "
	    "entry_type, leaf, leaf_hash, tbs_sha256, cert_sha256, malformed, "
	    "reason, proof, proof_size, head_id) values ($1, $2, $3, $4, $5, "
	    "$6, $7, $8, $9, nullif($10, ''), $11, $12, $13) "
	    "on conflict do nothing", "iiisbbbbBsbii",
	    (int64_t)s->in->log_ref, (int64_t)m->index,
	    (int64_t)m->timestamp_ms, m->type == ENTRY_PRECERT ? "precert" :
	    m->type == ENTRY_X509 ? "x509" : "unknown", &m->leaf, &leaf, &tbs,
	    &sha, m->malformed, m->malformed ? m->reason : "", &proof,
	    (int64_t)s->in->proof_size, s->in->head_id) == -1)
		return -1;
	for (i = 0; i < s->nd; i++)
		if (db_push(db, e, "insert into entry_match (log_ref, index, "
		    "watch_id, name, baseline) values ($1, $2, $3, $4, $5) "
		    "on conflict do nothing", "iiisB",
		    (int64_t)s->in->log_ref, (int64_t)m->index,
		    s->d[i].watch_id, s->d[i].name, s->d[i].baseline) == -1)
			return -1;
	return 0;
}

/* Bytes of a watched name in something that cannot be parsed. */
static int
malformed(struct store *s, const struct judge_match *m, struct err *e)
{
	char		 subject[65];
	const char	*logs[1] = { s->in->log_name };
	struct finding	 f = { .kind = "certificate.malformed",
	    .severity = "high", .reason = m->reason, .proven = 1,
	    .issuer_first_seen = INT64_MIN, .logs = { logs, 1 } };
	struct buf	 detail = BUF_INIT;
	size_t		 i;
	int		 rc = 0;

	(void)enc_hex_to(subject, m->leaf_hash, 32);
	f.subject = subject;
	buf_fmt(&detail, "{\"index\": %llu, \"timestamp\": %llu}",
	    (unsigned long long)m->index, (unsigned long long)m->timestamp_ms);
	f.detail = buf_text(&detail);
	for (i = 0; i < s->nd && rc == 0; i++) {
		if (s->d[i].baseline)
			continue;
		f.owner = s->d[i].owner;
		f.watch = s->d[i].pattern;
		f.name = s->d[i].name;
		rc = finding_open(s->in->db, &f, NULL, NULL, e);
	}
	/* an entry whose place in the log's form is broken is nobody's */
	if (s->nd == 0 && m->nhits == 0 && rc == 0) {
		f.owner = f.watch = f.name = "";
		f.severity = "low";
		f.digest_only = 1;
		rc = finding_open(s->in->db, &f, NULL, NULL, e);
	}
	buf_free(&detail);
	return rc;
}

static int
put_match(struct store *s, const struct judge_match *m, struct err *e)
{
	int	proven = s->in->head_id != 0;

	s->nd = 0;
	if (hits(s, m, e) == -1)
		return -1;
	/* nobody watches it any more */
	if (s->nd == 0 && m->nhits != 0)
		return 0;
	if (!proven && (m->malformed || m->issued != 1 || all_baseline(s, 0)))
		return 0;
	if (!m->malformed && put_certificate(s, m, e) == -1)
		return -1;
	if (proven && put_entry(s, m, e) == -1)
		return -1;
	if (m->malformed)
		return malformed(s, m, e);
	return 0;
}

static int
by_issuance(const void *a, const void *b)
{
	const struct judge_match	*const *x = a, *const *y = b;
	int				 r;

	r = memcmp((*x)->tbs_sha256, (*y)->tbs_sha256, 32);
	if (r != 0)
		return r;
	return ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

/* Decide about one issuance, of which there are ${n} matches. */
static int
decide(struct store *s, const struct judge_match *const *m, size_t n,
    int proven, struct err *e)
{
	struct span	tbs = hash(m[0]->tbs_sha256);
	size_t		i, had;

	s->nd = 0;
	for (i = 0; i < n; i++) {
		if (m[i]->malformed || (!proven && m[i]->issued != 1))
			continue;
		had = s->nd;
		if (hits(s, m[i], e) == -1)
			return -1;
		if (!proven && all_baseline(s, had))
			s->nd = had;
	}
	return s->nd == 0 ? 0 : decide_issuance(s->in->db, s->in->conf, &tbs,
	    s->d, s->nd, proven, e);
}

int
match_store(const struct match_in *in, const struct judge_match *const *given,
    size_t n, struct err *e)
{
	const struct judge_match	**m;
	struct store			  s;
	size_t				  i, k;
	int				  rc = -1, proven = in->head_id != 0;

	memset(&s, 0, sizeof(s));
	s.in = in;
	/* in one order everywhere, so that two workers cannot deadlock */
	m = mem_array(n, sizeof(struct judge_match *));
	if (n != 0)
		memcpy(m, given, n * sizeof(struct judge_match *));
	qsort(m, n, sizeof(struct judge_match *), by_issuance);
	for (i = 0; i < n; i++)
		if (put_match(&s, m[i], e) == -1)
			goto out;
	if (db_sync(in->db, e) == -1)
		goto out;
	/* a precertificate and its certificate are one issuance */
	for (i = 0; i < n; i += k) {
		for (k = 1; i + k < n && memcmp(m[i]->tbs_sha256,
		    m[i + k]->tbs_sha256, SHA_LEN) == 0; k++)
			;
		if (decide(&s, (const struct judge_match *const *)m + i, k,
		    proven, e) == -1)
			goto out;
	}
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
	return db_push(db, e, "insert into issuer (sha256, spki_sha256, der, "
	    "owner) values ($1, $2, $3, $4) on conflict (sha256) do update "
	    "set owner = coalesce(issuer.owner, excluded.owner)", "bbbs", &id,
	    &k, &der, owner);
}
