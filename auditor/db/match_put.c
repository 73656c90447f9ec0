#include "auditor/db/match_put.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/issuance.h"
#include "auditor/db/match_made.h"
#include "auditor/role/judge.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/entry.h"

#define ROWS	LIMIT_MATCH_ROWS
/* What the server stores while the next as many are decided about. */
#define PORTION	(ROWS / 2)

/* The columns of one statement, which takes a row of each. */
struct cols {
	size_t			 n;
	struct span		 b[5][ROWS];
	const char		*s[11][ROWS];
	int64_t			 i[4][ROWS];
};

#define B(k)	(&(struct db_spans){ c->b[k], c->n })
#define S(k)	(&(struct db_strs){ c->s[k], c->n })
#define I(k)	(&(struct db_ints){ c->i[k], c->n })

static struct span
hash(const uint8_t *p)
{
	return (struct span){ p, p == NULL ? 0 : 32 };
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
signers(const struct match_made *x, const struct judge_match *m, struct signer *s)
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
put_issuers(struct db *db, const struct match_made *x, const struct match_row *v,
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

/* Matches that are stored by one set of statements, and their issuances. */
struct part {
	const struct match_made	*x;
	struct match_row	*v;
	size_t			 n;
	const struct decide_new	*issuance;
	const size_t		*row;	/* of each, in all that are stored */
	size_t			 from;	/* where these begin there */
	size_t			 nissuance;
};

/* What the rows of the issuances will be. */
static void
issuance_cols(struct cols *c, const struct part *p)
{
	const struct decide_new		*d;
	const struct judge_match	*m;
	size_t				 i, row;

	for (i = 0; i < p->nissuance; i++) {
		d = &p->issuance[i];
		row = p->row[i] - p->from;
		m = p->v[row].m;
		c->b[0][i] = d->one.tbs;
		c->b[1][i] = d->issuer;
		c->b[2][i] = d->key;
		c->s[0][i] = d->serial;
		c->s[1][i] = d->key_type;
		c->s[2][i] = buf_text(&p->x[row].names);
		c->s[3][i] = d->owner;
		c->s[4][i] = d->issued;
		c->s[5][i] = m->subject;
		c->s[6][i] = m->issuer;
		c->i[0][i] = d->not_before;
		c->i[1][i] = match_made_time(m->not_after);
	}
	c->n = p->nissuance;
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

/* One that says nothing new is locked, and not written again. */
#define ISSUANCES "select * from match_issuances($1, $2, $3, $4, $5, $6, $7, " \
	"$8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)", \
	"AAAaaaaaaaTTBaIaaATaB", B(0), B(1), B(2), S(0), S(1), S(2), S(3), \
	S(4), S(5), S(6), I(0), I(1), in->head_id != 0, S(7), I(2), S(8), \
	S(9), B(3), I(3), S(10), done.fresh

/*
 * The issuances; those that are new and that nobody needs to hear of with what
 * was decided about them, and marked.  Where all of them are new, that they still
 * are is only asked: *asked, see match_put().
 */
static int
put_issuances(const struct match_in *in, struct decide_ahead *ahead,
    size_t first, const struct part *p, struct cols *c, int *asked,
    struct err *e)
{
	struct decide_done	done;
	struct db_res		*r = NULL;
	int			 rc;

	*asked = 0;
	if (p->nissuance == 0)
		return 0;
	rc = decide_ahead(ahead, first, p->nissuance, &done, e);
	issuance_cols(c, p);
	add_decisions(c, &done);
	if (rc == 0)
		rc = issuance_say(in->db, done.said, done.nsaid, e);
	if (rc == 0 && done.fresh) {
		rc = db_ask(in->db, e, ISSUANCES);
		*asked = rc == 0;
		mark_all(&done, p->v, p->n);
	} else if (rc == 0 && (rc = db_query(in->db, &r, e, ISSUANCES)) == 0)
		mark_some(p->v, p->n, r);
	if (rc == 0)
		rc = put_names(in->db, p->v, p->n, e);
	if (rc == 0)
		rc = put_folded(in->db, &done, p->v, p->n, c, e);
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
put_certificates(struct db *db, const struct match_made *x,
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
		c->i[0][c->n] = match_made_time(m->not_after);
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

/* --- all of them ---------------------------------------------------------- */

/*
 * How many of ${n} go together: at most ${max}, and none whose issuance the next
 * one has, too, unless all of them are of one.
 */
static size_t
cut(const struct match_row *v, size_t n, size_t max)
{
	size_t	i, k, bytes = 0;

	for (i = 0; i < n && i < max && bytes < LIMIT_MATCH_BYTES; i++)
		bytes += v[i].m->leaf.n + v[i].m->der.n;
	for (k = i; k > 0 && k < n && !v[k].m->malformed &&
	    same(v[k - 1].m, v[k].m->tbs_sha256); k--)
		;
	return k > 0 ? k : i;
}

/* Those that were asked about: were all of them new when they were put? */
static int
answers(struct db *db, const struct part *p, size_t n, struct err *e)
{
	struct db_res	*r;
	size_t		 i, k;

	if (n != 0 && db_sync(db, e) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		r = db_answer(db);
		if (db_rows(r) != 1 || !db_null(r, 0, 0)) {
			for (k = 0; k < p[i].n; k++)
				p[i].v[k].fresh = p[i].v[k].decided = 0;
			mark_some(p[i].v, p[i].n, r);
		}
		db_free(r);
	}
	return 0;
}

/* How many issuances of ${a}, from ${j} on, begin before a row. */
static size_t
begin(const struct match_news *a, size_t j, size_t row)
{
	size_t	k = j;

	while (k < a->n && a->row[k] < row)
		k++;
	return k - j;
}

/* Rows from ${i} to ${end}, whose issuances, from ${j} on, are looked up. */
static int
put_lot(const struct match_in *in, const struct match_made *x,
    struct match_row *v, size_t i, size_t end, const struct match_news *a,
    size_t j, struct cols *c, struct err *e)
{
	struct decide_ahead	*ahead;
	struct part		*asked, p;
	size_t			 n = 0, first = j;
	int			 rc = 0, is;

	ahead = decide_ahead_open(in->db, in->conf, a->v + j,
	    begin(a, j, end), in->head_id != 0, e);
	if (ahead == NULL)
		return -1;
	asked = mem_array(end - i + 1, sizeof(*asked));
	for (; i < end && rc == 0; i += p.n, j += p.nissuance) {
		p = (struct part){ x + i, v + i, cut(v + i, end - i, PORTION),
		    a->v + j, a->row + j, i, 0 };
		p.nissuance = begin(a, j, i + p.n);
		if (put_issuances(in, ahead, j - first, &p, c, &is, e) == -1 ||
		    put_certificates(in->db, x + i, v + i, p.n, c, e) == -1 ||
		    (in->head_id != 0 &&
		    put_entries(in, v + i, p.n, c, e) == -1))
			rc = -1;
		else if (is)
			asked[n++] = p;
	}
	if (rc == 0)
		rc = answers(in->db, asked, n, e);
	free(asked);
	decide_ahead_free(ahead);
	return rc;
}

int
match_put(const struct match_in *in, struct match_row *v, size_t n,
    struct err *e)
{
	struct cols		*c = mem_array(1, sizeof(*c));
	struct match_made	*x = mem_array(n + 1, sizeof(*x));
	struct match_news	 a;
	size_t			 i, j = 0, end;
	int			 rc;

	for (i = 0; i < n; i++)
		match_made(&x[i], v[i].m);
	match_news(&a, x, v, n);
	/* in one order everywhere, so that two workers cannot deadlock */
	rc = put_issuers(in->db, x, v, n, c, e);
	for (i = 0; i < n && rc == 0; j += begin(&a, j, end), i = end) {
		end = i + cut(v + i, n - i, LIMIT_MATCH_COMMIT);
		rc = put_lot(in, x, v, i, end, &a, j, c, e);
	}
	for (i = 0; i < n; i++)
		match_made_free(&x[i]);
	match_news_free(&a);
	free(x);
	free(c);
	return rc;
}
