#include "auditor/db/match_put.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/issuance.h"
#include "auditor/decide.h"
#include "auditor/role/judge.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/entry.h"
#include "pki/owner.h"

#define ROWS	LIMIT_MATCH_ROWS

/* The columns of one statement, which takes a row of each. */
struct cols {
	size_t			 n;
	struct span		 b[5][ROWS];
	const char		*s[11][ROWS];
	int64_t			 i[4][ROWS];
	struct decide_new	 d[ROWS];	/* of issuances */
};

#define B(k)	(&(struct db_spans){ c->b[k], c->n })
#define S(k)	(&(struct db_strs){ c->s[k], c->n })
#define I(k)	(&(struct db_ints){ c->i[k], c->n })

/* What is made of one match. */
struct made {
	uint8_t		 fp[LIMIT_CHAIN][32];	/* of the chain */
	size_t		 nfp;
	const char	*owner;			/* of the issuer; "" */
	struct buf	 names;			/* as the text of an array */
	struct buf	 chain;
	int		 twin;			/* see decide.h */
};

static struct span
hash(const uint8_t *p)
{
	return (struct span){ p, p == NULL ? 0 : 32 };
}

/* A time that PostgreSQL can hold, whatever the certificate says. */
static int64_t
sane(int64_t t)
{
	return t == INT64_MIN ? 0 : t;
}

static void
make(struct made *x, const struct judge_match *m)
{
	struct db_strs	names = { m->names, m->nnames };
	char		hex[65];
	size_t		i;

	memset(x, 0, sizeof(*x));
	x->owner = m->owner;
	if (m->malformed)
		return;
	buf_str(&x->chain, "{");
	for (i = 0; i < m->nchain && i < LIMIT_CHAIN; i++) {
		if (!m->chain_fp)
			sha_256(x->fp[i], m->chain[i].p, m->chain[i].n);
		else if (m->chain[i].n == 32)
			memcpy(x->fp[i], m->chain[i].p, 32);
		(void)enc_hex_to(hex, x->fp[i], 32);
		buf_fmt(&x->chain, "%s\"\\\\x%s\"", i > 0 ? "," : "", hex);
		x->nfp = i + 1;
	}
	buf_str(&x->chain, "}");
	db_strs_text(&x->names, &names);
	/* chain[0] did sign it, so CCADB's word about it counts */
	if (x->owner[0] == '\0' && x->nfp != 0 && m->issued == 1 &&
	    owner_of_fingerprint(x->fp[0]) != NULL)
		x->owner = owner_of_fingerprint(x->fp[0]);
}

/* --- issuers ------------------------------------------------------------- */

struct signer {
	const uint8_t	*fp, *key;
	struct span	 der;
	const char	*owner;		/* "" when nobody knows */
};

static int
by_fp(const void *a, const void *b)
{
	const struct signer	*x = a, *y = b;

	return memcmp(x->fp, y->fp, 32);
}

/* Who signed it; and the CA itself, where a certificate of its did. */
static size_t
signers(const struct made *x, const struct judge_match *m, struct signer *s)
{
	if (m->malformed || m->chain_fp || x->nfp == 0 || m->issued != 1)
		return 0;
	s[0] = (struct signer){ x->fp[0], m->chain_spki, m->chain[0],
	    x->owner };
	/* a Precertificate Signing Certificate (RFC 6962 3.1) */
	if (x->nfp < 2 || memcmp(m->chain_spki, m->issuer_spki, 32) == 0)
		return 1;
	s[1] = (struct signer){ x->fp[1], m->issuer_spki, m->chain[1],
	    x->owner };
	return 2;
}

/* One that is there is not locked: all workers meet the same few. */
static int
push_issuers(struct db *db, const struct cols *c, struct err *e)
{
	return db_push(db, e, "with u as materialized (select * from unnest("
	    "$1, $2, $3, $4) u (sha256, spki, der, owner)), n as (insert into "
	    "issuer (sha256, spki_sha256, der, owner) select sha256, spki, "
	    "der, nullif(owner, '') from u on conflict do nothing) "
	    "update issuer i set owner = u.owner from u where "
	    "i.sha256 = u.sha256 and i.owner is null and u.owner <> ''",
	    "AAAa", B(0), B(1), B(2), S(0));
}

static int
put_issuers(struct db *db, const struct made *x, const struct match_row *v,
    size_t n, struct cols *c, struct err *e)
{
	struct signer	*s = mem_array(2 * n + 1, sizeof(*s));
	size_t		 i, k = 0;
	int		 rc = 0;

	for (i = 0; i < n; i++)
		k += signers(&x[i], v[i].m, s + k);
	qsort(s, k, sizeof(*s), by_fp);
	c->n = 0;
	for (i = 0; i < k && rc == 0; i++) {
		if (c->n != 0 && memcmp(c->b[0][c->n - 1].p, s[i].fp,
		    32) == 0) {
			if (c->s[0][c->n - 1][0] == '\0')
				c->s[0][c->n - 1] = s[i].owner;
			continue;
		}
		if (c->n == ROWS) {
			rc = push_issuers(db, c, e);
			c->n = 0;
		}
		c->b[0][c->n] = hash(s[i].fp);
		c->b[1][c->n] = hash(s[i].key);
		c->b[2][c->n] = s[i].der;
		c->s[0][c->n++] = s[i].owner;
	}
	if (rc == 0 && c->n != 0)
		rc = push_issuers(db, c, e);
	free(s);
	return rc;
}

/* --- issuances ------------------------------------------------------------ */

static int
by_serial(const void *a, const void *b)
{
	const struct judge_match	*x = *(const struct judge_match *const *)a;
	const struct judge_match	*y = *(const struct judge_match *const *)b;
	int				 r;

	if ((r = memcmp(x->issuer_spki, y->issuer_spki, 32)) != 0 ||
	    (r = strcmp(x->serial, y->serial)) != 0)
		return r;
	return memcmp(x->tbs_sha256, y->tbs_sha256, 32);
}

/* Which of them have the issuer and the serial of another. */
static void
find_twins(struct made *x, const struct match_row *v, size_t n)
{
	const struct judge_match	**m, *a, *b;
	size_t				  i, k = 0;
	int				  any = 0;

	m = mem_array(n + 1, sizeof(struct judge_match *));
	for (i = 0; i < n; i++)
		if (!v[i].m->malformed)
			m[k++] = v[i].m;
	qsort(m, k, sizeof(struct judge_match *), by_serial);
	for (i = 1; i < k && !any; i++) {
		a = m[i - 1];
		b = m[i];
		any = memcmp(a->issuer_spki, b->issuer_spki, 32) == 0 &&
		    strcmp(a->serial, b->serial) == 0 &&
		    memcmp(a->tbs_sha256, b->tbs_sha256, 32) != 0;
	}
	free(m);
	/* it hardly ever happens: then all of them take the longer way */
	for (i = 0; i < n && any; i++)
		x[i].twin = 1;
}

/* A certificate and its precertificate are one row, as if put in order. */
static void
add_issuance(struct cols *c, const struct made *x, const struct match_row *v)
{
	static const char *const	 issued[] = { "unchecked", "invalid",
					    "valid" };
	const struct judge_match	*m = v->m;
	size_t				 i = c->n;

	if (i != 0 && memcmp(c->b[0][i - 1].p, m->tbs_sha256, 32) == 0) {
		if (strcmp(c->s[4][i - 1], "valid") != 0)
			c->s[4][i - 1] = issued[m->issued + 1];
		if (c->s[3][i - 1][0] == '\0')
			c->s[3][i - 1] = x->owner;
		c->d[i - 1].one.n += v->nd;
		return;
	}
	c->b[0][i] = hash(m->tbs_sha256);
	c->b[1][i] = hash(m->issuer_spki);
	c->b[2][i] = hash(m->spki_sha256);
	c->s[0][i] = m->serial;
	c->s[1][i] = m->key_type;
	c->s[2][i] = buf_text(&x->names);
	c->s[3][i] = x->owner;
	c->s[4][i] = issued[m->issued + 1];
	c->s[5][i] = m->subject;
	c->s[6][i] = m->issuer;
	c->i[0][i] = sane(m->not_before);
	c->i[1][i] = sane(m->not_after);
	c->d[i] = (struct decide_new){ .one = { c->b[0][i], v->d, v->nd, 1 },
	    .issuer = c->b[1][i], .key = c->b[2][i], .serial = m->serial,
	    .key_type = m->key_type, .names = { m->names, m->nnames },
	    .not_before = c->i[0][i], .twin = x->twin };
	c->n++;
}

/* What was decided about some of them, as columns. */
static void
add_decisions(struct cols *c, const struct decide_done *done)
{
	static const struct issuance_decision	 none = {
		    .hold_until = INT64_MIN, .names = "{}" };
	const struct issuance_decision		*d;
	size_t					 i, k = 0;

	for (i = 0; i < c->n; i++) {
		d = k < done->n && done->v[k].tbs.p == c->b[0][i].p ?
		    &done->v[k++] : &none;
		c->s[7][i] = d->decision;
		c->s[8][i] = d->reason;
		c->s[9][i] = d->facts;
		c->s[10][i] = d->names;
		c->b[3][i] = (struct span){ d == &none ? NULL : d->said,
		    ISSUANCE_SAID };
		c->i[2][i] = d->rule;
		c->i[3][i] = d->hold_until;
	}
}

static int
same(const struct judge_match *m, const uint8_t *tbs)
{
	return !m->malformed && memcmp(m->tbs_sha256, tbs, SHA_LEN) == 0;
}

/* All of them: they were not there, and are stored as decided. */
static void
mark_all(const struct decide_done *done, struct match_row *v, size_t n)
{
	size_t	i, k = 0;

	for (i = 0; i < n; i++) {
		if (v[i].m->malformed)
			continue;
		if (k < done->n && i != 0 && !same(v[i].m, done->v[k].tbs.p) &&
		    same(v[i - 1].m, done->v[k].tbs.p))
			k++;
		v[i].fresh = 1;
		v[i].decided = k < done->n && same(v[i].m, done->v[k].tbs.p);
	}
}

/* Those of the answer, in the same order. */
static void
mark_some(struct match_row *v, size_t n, const struct db_res *r)
{
	struct span	t;
	size_t		i, row = 0;

	for (i = 0; i < db_rows(r); i++) {
		t = db_bytes(r, i, 0);
		while (row < n && !same(v[row].m, t.p))
			row++;
		for (; row < n && same(v[row].m, t.p); row++) {
			v[row].fresh = 1;
			v[row].decided = db_bool(r, i, 1);
		}
	}
}

/* The names of those that were not there, a row each. */
static int
put_names(struct db *db, const struct match_row *v, size_t n, struct err *e)
{
	const struct judge_match	*m;
	struct span			*b;
	const char			**s;
	size_t				 i, j, k = 0;
	int				 rc = 0;

	for (i = 0; i < n; i++)
		k += v[i].fresh ? v[i].m->nnames : 0;
	b = mem_array(k + 1, sizeof(*b));
	s = mem_array(k + 1, sizeof(*s));
	for (i = k = 0; i < n; i++) {
		m = v[i].m;
		if (!v[i].fresh || (i != 0 && same(v[i - 1].m, m->tbs_sha256)))
			continue;
		for (j = 0; j < m->nnames; j++) {
			b[k] = hash(m->tbs_sha256);
			s[k++] = m->names[j];
		}
	}
	if (k != 0)
		rc = db_push(db, e, "select match_names($1, $2)", "Aa",
		    &(struct db_spans){ b, k }, &(struct db_strs){ s, k });
	free(b);
	free(s);
	return rc;
}

/* Names in their canonical form, where that is another one. */
static int
put_folded(struct db *db, const struct decide_done *done,
    const struct match_row *v, size_t n, struct cols *c, struct err *e)
{
	const struct issuance_decision	*d;
	size_t				 i, row = 0;

	for (i = c->n = 0; i < done->n; i++) {
		d = &done->v[i];
		if (strcmp(d->names, "{}") == 0)
			continue;
		while (row < n && !same(v[row].m, d->tbs.p))
			row++;
		if (row == n || !v[row].decided)
			continue;
		c->b[0][c->n] = d->tbs;
		c->s[0][c->n++] = d->names;
	}
	return c->n == 0 ? 0 : db_push(db, e, "insert into certificate_name "
	    "(tbs_sha256, name) select t, m from unnest($1, $2) v (t, n), "
	    "unnest(n::text[]) m on conflict do nothing", "Aa", B(0), S(0));
}

/*
 * The issuances; those that are new and that nobody needs to hear of with what
 * was decided about them, and marked.
 */
static int
put_issuances(const struct match_in *in, const struct made *x,
    struct match_row *v, size_t n, struct cols *c, struct err *e)
{
	struct decide_done	done;
	struct db_res		*r = NULL;
	size_t			 i;
	int			 rc;

	c->n = 0;
	for (i = 0; i < n; i++)
		if (!v[i].m->malformed)
			add_issuance(c, &x[i], &v[i]);
	if (c->n == 0)
		return 0;
	for (i = 0; i < c->n; i++) {
		c->d[i].owner = c->s[3][i];
		c->d[i].issued = c->s[4][i];
	}
	rc = decide_ahead(in->db, in->conf, c->d, c->n, in->head_id != 0,
	    &done, e);
	add_decisions(c, &done);
	if (rc == 0)
		rc = issuance_say(in->db, done.said, done.nsaid, e);
	/* one that says nothing new is locked, and not written again */
	if (rc == 0)
		rc = db_query(in->db, &r, e, "select * from match_issuances("
		    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
		    "$14, $15, $16, $17, $18, $19, $20, $21)",
		    "AAAaaaaaaaTTBaIaaATaB", B(0), B(1), B(2), S(0), S(1), S(2),
		    S(3), S(4), S(5), S(6), I(0), I(1), in->head_id != 0, S(7),
		    I(2), S(8), S(9), B(3), I(3), S(10),
		    done.fresh);
	if (rc == 0) {
		if (db_rows(r) == 1 && db_null(r, 0, 0))
			mark_all(&done, v, n);
		else
			mark_some(v, n, r);
		rc = put_names(in->db, v, n, e);
	}
	if (rc == 0)
		rc = put_folded(in->db, &done, v, n, c, e);
	db_free(r);
	decide_done_free(&done);
	return rc;
}

/* --- certificates and entries -------------------------------------------- */

/* Which watches they matched. */
struct hits {
	size_t		 n;
	int64_t		*index, *watch, *baseline;
	const char	**name;
};

/* Did the watch of ${k} match by another name before? */
static int
again(const struct decide_match *d, size_t k)
{
	size_t	i;

	for (i = 0; i < k && d[i].watch_id != d[k].watch_id; i++)
		;
	return i < k;
}

static void
hits_open(struct hits *h, const struct match_row *const *v, size_t n)
{
	size_t	i, k, all = 0;

	for (i = 0; i < n; i++)
		all += v[i]->nd;
	h->index = mem_array(all + 1, sizeof(*h->index));
	h->watch = mem_array(all + 1, sizeof(*h->watch));
	h->baseline = mem_array(all + 1, sizeof(*h->baseline));
	h->name = mem_array(all + 1, sizeof(*h->name));
	for (i = h->n = 0; i < n; i++)
		for (k = 0; k < v[i]->nd; k++) {
			if (again(v[i]->d, k))
				continue;
			h->index[h->n] = v[i]->d[k].index;
			h->watch[h->n] = v[i]->d[k].watch_id;
			h->baseline[h->n] = v[i]->d[k].baseline != 0;
			h->name[h->n++] = v[i]->d[k].name;
		}
}

static void
hits_free(struct hits *h)
{
	free(h->index);
	free(h->watch);
	free(h->baseline);
	free(h->name);
}

static int
put_certificates(struct db *db, const struct made *x,
    const struct match_row *v, size_t n, struct cols *c, struct err *e)
{
	const struct judge_match	*m;
	size_t				 i;

	c->n = 0;
	for (i = 0; i < n; i++) {
		m = v[i].m;
		if (m->malformed)
			continue;
		c->b[0][c->n] = hash(m->tbs_sha256);
		c->b[1][c->n] = hash(m->cert_sha256);
		c->b[2][c->n] = m->der;
		c->s[0][c->n] = m->type == ENTRY_PRECERT ? "precert" : "x509";
		c->s[1][c->n] = buf_text(&x[i].chain);
		c->i[0][c->n] = sane(m->not_after);
		c->i[1][c->n++] = v[i].fresh;
	}
	return c->n == 0 ? 0 : db_push(db, e, "select match_certificates($1, "
	    "$2, $3, $4, $5, $6, $7)", "AAAaaTI", B(0), B(1), B(2), S(0), S(1),
	    I(0), I(1));
}

static int
by_index(const void *a, const void *b)
{
	const struct match_row	*const *x = a, *const *y = b;
	uint64_t		 i = (*x)->m->index, k = (*y)->m->index;

	return (i > k) - (i < k);
}

/*
 * The entries with their proofs, and what they matched: in the order of the log,
 * in which an index grows at its end alone.
 */
static int
put_entries(const struct match_in *in, const struct match_row *given,
    size_t n, struct cols *c, struct err *e)
{
	const struct match_row		*v[ROWS];
	const struct judge_match	*m;
	struct hits			 h;
	size_t				 i;
	int				 rc;

	for (i = 0; i < n; i++)
		v[i] = &given[i];
	qsort(v, n, sizeof(v[0]), by_index);
	for (i = 0; i < n; i++) {
		m = v[i]->m;
		c->b[0][i] = m->leaf;
		c->b[1][i] = hash(m->leaf_hash);
		c->b[2][i] = hash(m->malformed ? NULL : m->tbs_sha256);
		c->b[3][i] = hash(m->cert_sha256);
		c->b[4][i] = (struct span){ m->path.n != 0 ? m->path.hash[0] :
		    (const uint8_t *)"", (size_t)m->path.n * 32 };
		c->s[0][i] = m->type == ENTRY_PRECERT ? "precert" :
		    m->type == ENTRY_X509 ? "x509" : "unknown";
		c->s[1][i] = m->malformed ? m->reason : "";
		c->i[0][i] = (int64_t)m->index;
		c->i[1][i] = (int64_t)m->timestamp_ms;
		c->i[2][i] = m->malformed != 0;
	}
	c->n = n;
	hits_open(&h, v, n);
	rc = db_push(in->db, e, "select match_entries($1, $2, $3, $4, $5, $6, "
	    "$7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
	    "iiiAAAAAaaIIIIIaI", (int64_t)in->log_ref,
	    (int64_t)in->proof_size, in->head_id, B(0), B(1), B(2), B(3),
	    B(4), S(0), S(1), I(0), I(1), I(2),
	    &(struct db_ints){ h.index, h.n },
	    &(struct db_ints){ h.watch, h.n },
	    &(struct db_strs){ h.name, h.n },
	    &(struct db_ints){ h.baseline, h.n });
	hits_free(&h);
	return rc;
}

/* How many of them one set of statements takes. */
static size_t
portion(const struct match_row *v, size_t n)
{
	size_t	i, bytes = 0;

	for (i = 0; i < n && i < ROWS && bytes < LIMIT_MATCH_BYTES; i++)
		bytes += v[i].m->leaf.n + v[i].m->der.n;
	return i;
}

int
match_put(const struct match_in *in, struct match_row *v, size_t n,
    struct err *e)
{
	struct cols	*c = mem_array(1, sizeof(*c));
	struct made	*x = mem_array(n + 1, sizeof(*x));
	size_t		 i, k;
	int		 rc;

	for (i = 0; i < n; i++)
		make(&x[i], v[i].m);
	find_twins(x, v, n);
	/* in one order everywhere, so that two workers cannot deadlock */
	rc = put_issuers(in->db, x, v, n, c, e);
	for (i = 0; i < n && rc == 0; i += k) {
		k = portion(v + i, n - i);
		if (put_issuances(in, x + i, v + i, k, c, e) == -1 ||
		    put_certificates(in->db, x + i, v + i, k, c, e) == -1 ||
		    (in->head_id != 0 &&
		    put_entries(in, v + i, k, c, e) == -1))
			rc = -1;
	}
	for (i = 0; i < n; i++) {
		buf_free(&x[i].names);
		buf_free(&x[i].chain);
	}
	free(x);
	free(c);
	return rc;
}
