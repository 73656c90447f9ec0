#include "auditor/role/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/page.h"
#include "pki/cert.h"
#include "pki/owner.h"

/* One page: hash every leaf, match every name, say more of what matched. */

/* An entry of the page that is to be reported. */
struct found {
	uint32_t		 i;
	int			 malformed;
	char			 reason[256];
	struct entry		 entry;
	size_t			 nhits;
	struct watch_hit	*hits;
};

struct finds {
	struct found	*v;
	size_t		 n, cap;
	uint32_t	 unparsed;
};

static void
finds_free(struct finds *f)
{
	size_t	i;

	for (i = 0; i < f->n; i++)
		free(f->v[i].hits);
	free(f->v);
}

/* Remember entry ${i} with its hits (at most LIMIT_HITS are kept). */
static struct found *
find_add(struct finds *f, uint32_t i, const struct watch_hit *hits, int n)
{
	struct found	*x;

	f->v = mem_grow(f->v, &f->cap, f->n + 1, sizeof(*f->v));
	x = &f->v[f->n++];
	memset(x, 0, sizeof(*x));
	x->i = i;
	x->nhits = n > LIMIT_HITS ? LIMIT_HITS : (size_t)n;
	x->hits = mem_array(x->nhits, sizeof(*hits));
	if (x->nhits != 0)
		memcpy(x->hits, hits, x->nhits * sizeof(*hits));
	return x;
}

/*
 * What cannot be taken apart: reported when it holds the bytes of a watched
 * name, or when not even its place in the log's form could be read.
 */
static void
unparsable(struct judge *j, struct finds *f, uint32_t i, int leaf_bad,
    const struct err *e)
{
	static struct watch_hit	 hits[LIMIT_HITS];
	struct found		*x;
	int			 n;

	buf_reset(&j->scratch);
	page_leaf_copy(j->page, i, &j->scratch);
	n = watch_bytes(&j->watches, buf_bytes(&j->scratch), hits, LIMIT_HITS);
	f->unparsed++;
	if (n <= 0 && !leaf_bad)
		return;
	x = find_add(f, i, hits, n > 0 ? n : 0);
	x->malformed = 1;
	(void)snprintf(x->reason, sizeof(x->reason), "%.255s", e->msg);
}

/* ${e} is empty, and empty again after: it is large, and made once a page. */
static void
match_one(struct judge *j, struct finds *f, uint32_t i, struct err *e)
{
	static struct watch_hit	 hits[LIMIT_HITS];
	struct entry		 entry __attribute__((uninitialized));
	struct der_tbs		 tbs __attribute__((uninitialized));
	struct span		 raw;
	int			 n, leaf_bad = 0;

#ifdef JUDGE_KILL
	/* a test's own program: an entry that no judge survives */
	if (memmem(page_timestamped(j->page, i).p,
	    page_timestamped(j->page, i).n, "certvigil-kill-judge", 20))
		abort();
#endif
	if (page_at(j->page, i, &entry, e) == -1) {
		leaf_bad = 1;
		goto bad;
	}
	raw = entry.cert;
	if ((entry.type == ENTRY_X509 &&
	    der_cert(entry.cert, &raw, NULL, NULL, e) == -1) ||
	    der_tbs(raw, &tbs, e) == -1)
		goto bad;
	n = watch_tbs(&j->watches, &tbs, hits, LIMIT_HITS);
	if (n == 0)
		return;
	if (n > 0) {
		find_add(f, i, hits, n)->entry = entry;
		return;
	}
	(void)err_set(e, ERR_FORMAT,
	    "names cannot be read (RFC 5280 4.2.1.6)");
bad:
	unparsable(j, f, i, leaf_bad, e);
	err_clear(e);
}

/* Did the CA sign it?  Fills in issued, reason, issuer key and owner. */
static void
issued(struct judge_match *m, const struct entry *e)
{
	static char	 why[256];
	struct span	 up[LIMIT_CHAIN + 1];
	struct err	 err = ERR_INIT;
	const char	*owner;
	size_t		 i;
	int		 r;

	m->issued = -1;
	m->reason = "issuer certificate not at hand";
	if (e->type == ENTRY_PRECERT)
		memcpy(m->issuer_spki, e->issuer_key_hash, 32);
	if (m->chain_fp || m->nchain == 0) {
		if (e->type == ENTRY_PRECERT &&
		    owner_of_key(e->issuer_key_hash) != NULL)
			m->owner = owner_of_key(e->issuer_key_hash);
		return;
	}
	if (e->type == ENTRY_PRECERT && cert_binds(m->der, e->cert, m->chain,
	    m->nchain, e->issuer_key_hash, &err) == -1)
		r = 0;
	else
		r = cert_signed_by(m->der, m->chain[0], &err);
	m->issued = r;
	m->reason = "";
	if (r != 1) {
		(void)snprintf(why, sizeof(why), "%.255s", err.msg);
		m->reason = why;
		return;
	}
	(void)cert_key_hash(m->chain[0], m->chain_spki, NULL);
	if (e->type == ENTRY_X509)
		memcpy(m->issuer_spki, m->chain_spki, 32);
	up[0] = m->der;
	for (i = 0; i < m->nchain; i++)
		up[i + 1] = m->chain[i];
	if ((owner = owner_of_key(m->issuer_spki)) != NULL ||
	    (owner = owner_of_chain(up, m->nchain + 1)) != NULL)
		m->owner = owner;
}

/* What the certificate says of itself. */
static void
details(struct judge_match *m, struct cert *cert)
{
	memcpy(m->tbs_sha256, cert->tbs_sha256, 32);
	memcpy(m->spki_sha256, cert->spki_sha256, 32);
	m->serial = cert->serial;
	m->key_type = cert->key_type;
	m->subject = cert->subject != NULL ? cert->subject : "";
	m->issuer = cert->issuer != NULL ? cert->issuer : "";
	m->not_before = cert->not_before;
	m->not_after = cert->not_after;
	m->nnames = cert->nnames;
	m->names = (const char **)cert->names;
}

/*
 * Append the record, as much of it as a message and the engine can hold: a
 * log may serve 16 MB as a certificate, and more as its chain.
 */
static void
put(struct judge *j, struct judge_match *m)
{
	char	why[sizeof(((struct found *)NULL)->reason) + 80];
	char	large[sizeof(why) + 80];	/* quotes the other */
	size_t	at = j->out.n;

	/* PostgreSQL has no time beyond the year 294276 */
	if (m->timestamp_ms >> JUDGE_TIME_BITS != 0) {
		(void)snprintf(why, sizeof(why), "timestamp %llu is no time "
		    "(RFC 6962 3.2)", (unsigned long long)m->timestamp_ms);
		m->malformed = 1;
		m->reason = why;
		m->timestamp_ms = 0;
	}
	judge_match_pack(&j->out, m);
	if (j->out.n - at > LIMIT_MATCH) {
		j->out.n = at;
		m->nchain = 0;
		judge_match_pack(&j->out, m);
	}
	if (j->out.n - at <= LIMIT_MATCH)
		return;
	j->out.n = at;
	(void)snprintf(large, sizeof(large), "entry of %zu bytes, of which at "
	    "most %u are kept%s%s", m->leaf.n, LIMIT_MATCH,
	    m->malformed ? ": " : "", m->malformed ? m->reason : "");
	m->malformed = 1;
	m->reason = large;
	m->issued = -1;
	m->leaf.n = m->der.n = m->nnames = 0;
	m->serial = m->subject = m->issuer = "";
	judge_match_pack(&j->out, m);
}

/* Write the record of one find behind the answer. */
static void
record(struct judge *j, const struct found *x, uint64_t first,
    const struct merkle_path *path)
{
	struct span		 chain[LIMIT_CHAIN];
	const char		*hit_name[LIMIT_HITS];
	uint32_t		 hit_watch[LIMIT_HITS];
	struct judge_match	 m = { .index = first + x->i, .type = -1,
	    .malformed = x->malformed, .reason = x->reason, .issued = -1,
	    .serial = "", .key_type = "", .owner = "", .subject = "",
	    .issuer = "", .nhits = x->nhits,
	    .hit_watch = hit_watch, .hit_name = hit_name, .path = *path };
	struct cert		 cert;
	struct err		 e = ERR_INIT;
	struct buf		 leaf = BUF_INIT;
	size_t			 i;

	memset(&cert, 0, sizeof(cert));
	for (i = 0; i < x->nhits; i++) {
		hit_watch[i] = x->hits[i].watch;
		hit_name[i] = x->hits[i].name;
	}
	page_leaf_copy(j->page, x->i, &leaf);
	page_leaf_hash(j->page, x->i, m.leaf_hash);
	m.leaf = buf_bytes(&leaf);
	if (!x->malformed) {
		m.type = x->entry.type;
		m.timestamp_ms = x->entry.timestamp;
		m.chain = chain;
		m.chain_fp = page_is_tile(j->page);
		buf_reset(&j->scratch);
		if (page_extra(j->page, x->i, &j->scratch, &m.der, chain,
		    LIMIT_CHAIN, &m.nchain, &e) == -1) {
			/* extra_data is not covered by the tree */
			m.nchain = 0;
			m.der = x->entry.cert;
		}
		if (m.type == ENTRY_X509)
			m.der = x->entry.cert;
		if ((m.type == ENTRY_PRECERT ?
		    cert_read_tbs(x->entry.cert, &cert, &e) :
		    cert_read(x->entry.cert, &cert, &e)) == -1) {
			m.malformed = 1;
			m.reason = e.msg;
		}
		details(&m, &cert);
		sha_256(m.cert_sha256, m.der.p, m.der.n);
		if (m.type == ENTRY_PRECERT)
			sha_256(m.tbs_sha256, x->entry.cert.p,
			    x->entry.cert.n);
		if (!m.malformed)
			issued(&m, &x->entry);
	} else {
		struct entry	entry;

		if (page_at(j->page, x->i, &entry, NULL) == 0) {
			m.type = entry.type;
			m.timestamp_ms = entry.timestamp;
		}
		/* its subject is the leaf: no TBS can be told */
		memcpy(m.cert_sha256, m.leaf_hash, 32);
	}
	put(j, &m);
	cert_free(&cert);
	buf_free(&leaf);
}

/* Read the page that the message names into j->page. */
static int
page_load(struct judge *j, const struct judge_page *p, struct err *e)
{
	struct span	body;

	if (p->tile) {
		if (p->ext.off > j->narena ||
		    p->ext.len > j->narena - p->ext.off)
			return err_set(e, ERR_FORMAT, "no such extent");
		body.p = j->arena + p->ext.off;
		body.n = p->ext.len;
		return page_tile(j->page, body, p->ext.gzip, p->max, e);
	}
	if (judge_body(j, &p->ext, LIMIT_BODY_ENTRIES, &body, e) == -1)
		return -1;
	return page_entries(j->page, body, p->max, e);
}

/*
 * Which entries of the page are used: all, but for a tile of which a part is
 * proven already, or a full one in place of a partial one that is gone.
 */
static int
used(const struct judge *j, const struct judge_page *p, uint32_t *lo,
    uint32_t *hi, struct err *e)
{
	*lo = p->skip;
	*hi = (uint32_t)page_count(j->page);
	if (p->cut != 0 && p->cut < *hi)
		*hi = p->cut;
	if (*lo > *hi || (p->skip != 0 && *hi > TILE_WIDTH))
		return err_set(e, ERR_FORMAT, "page is shorter than its part "
		    "that is known");
	return 0;
}

/* The range of the used entries. */
static void
hash_page(struct judge *j, const struct judge_page *p,
    struct judge_page_reply *r, struct merkle_path *paths, size_t npaths)
{
	uint8_t		h[TILE_WIDTH][32];
	uint32_t	i;

	if (r->count == page_count(j->page) || r->count > TILE_WIDTH) {
		page_hash(j->page, p->first, &r->range, paths, npaths);
		return;
	}
	for (i = 0; i < r->count; i++)
		page_leaf_hash(j->page, p->skip + i, h[i]);
	merkle_start(&r->range, p->first + p->skip);
	merkle_leaves(&r->range, h, r->count, paths, npaths);
}

int
judge_do_page(struct judge *j, const struct judge_page *p, uint64_t id,
    struct err *e)
{
	struct judge_page_reply	 r;
	struct merkle_path	*paths = NULL;
	struct finds		 f = { NULL, 0, 0, 0 };
	struct err		 why = ERR_INIT;
	size_t			 at, k;
	uint32_t		 i, lo, hi, to;

	if (page_load(j, p, e) == -1 || used(j, p, &lo, &hi, e) == -1)
		return -1;
	memset(&r, 0, sizeof(r));
	r.count = hi - lo;
	to = p->to < hi ? p->to : hi;
	for (i = p->from > lo ? p->from : lo; i < to; i++)
		match_one(j, &f, i, &why);
	paths = mem_array(f.n, sizeof(*paths));
	for (k = 0; k < f.n; k++)
		merkle_path_start(&paths[k], p->first + f.v[k].i);
	hash_page(j, p, &r, paths, f.n);
	judge_ok(j, id);
	at = j->out.n;
	r.upto = to;
	r.unparsed = f.unparsed;
	judge_page_reply_pack(&j->out, &r);
	for (k = 0; k < f.n; k++) {
		/* what does not fit into this answer is asked for again */
		if (j->out.n > LIMIT_FRAME / 2) {
			r.upto = f.v[k].i;
			break;
		}
		record(j, &f.v[k], p->first, &paths[k]);
	}
	if (k != 0 || f.n != 0) {
		struct buf	head = BUF_INIT;

		r.nmatch = (uint32_t)k;
		judge_page_reply_pack(&head, &r);
		memcpy(j->out.p + at, head.p, head.n);
		buf_free(&head);
	}
	free(paths);
	finds_free(&f);
	return 0;
}

/*
 * An entry that kills judges: its bytes and its place, nothing taken apart.
 * Watched names are looked for as bytes, unless the message asks for no entry
 * to be matched: that killed one, too.
 */
int
judge_do_raw(struct judge *j, const struct judge_page *p, uint64_t id,
    struct err *e)
{
	static struct watch_hit	 hits[LIMIT_HITS];
	struct judge_page_reply	 r;
	struct merkle_path	 path;
	struct found		 x;
	uint32_t		 lo, hi;
	int			 n = 0;

	if (page_load(j, p, e) == -1 || used(j, p, &lo, &hi, e) == -1)
		return -1;
	memset(&r, 0, sizeof(r));
	memset(&x, 0, sizeof(x));
	r.count = hi - lo;
	if (p->from < lo || p->from >= hi)
		return err_set(e, ERR_FORMAT, "no such entry");
	merkle_path_start(&path, p->first + p->from);
	hash_page(j, p, &r, &path, 1);
	r.upto = p->from + 1;
	r.nmatch = 1;
	judge_ok(j, id);
	judge_page_reply_pack(&j->out, &r);
	if (p->to > p->from) {
		buf_reset(&j->scratch);
		page_leaf_copy(j->page, p->from, &j->scratch);
		n = watch_bytes(&j->watches, buf_bytes(&j->scratch), hits,
		    LIMIT_HITS);
	}
	x.i = p->from;
	x.hits = hits;
	x.nhits = n > LIMIT_HITS ? LIMIT_HITS : n > 0 ? (size_t)n : 0;
	x.malformed = 1;
	(void)snprintf(x.reason, sizeof(x.reason),
	    "a process that took this entry apart died, three times");
	record(j, &x, p->first, &path);
	return 0;
}
