#include "auditor/role/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cert_find.h"
#include "auditor/db/cert_store.h"
#include "auditor/db/issuer_store.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/owner.h"

/*
 * Kind "cert": the certificates of one issuer key, each judged: SCTs, policy,
 * key, chains.  Issuers that are missing are looked for where certificates
 * say (AIA), once a turn.
 */

/* Certificates that are judged before they are stored together. */
#define BATCH	64
/* Bytes of issuers that go with one: all of it is one message. */
#define POOL_BYTES	(4u << 20)
/* AIA addresses that one turn follows. */
#define WANTS	8

struct one {
	uint8_t			 tbs[32];
	struct buf		 raw;	/* the answer, owned */
	struct judge_cert	 said;	/* borrows from raw */
	int			 have;
	uint64_t		 ask_id;
};

struct certs {
	uint8_t		 spki[32];
	struct db_res	*due;
	char		*last;		/* serial of the last one; owned */
	uint8_t		 last_tbs[32];
	struct one	 one[BATCH];
	size_t		 n, left;	/* of the batch; not judged */
	size_t		 total;
	char		*want[WANTS];	/* owned */
	uint64_t	 want_id[WANTS], aia_id[WANTS];
	size_t		 nwant, wants_left;
	int		 looked;	/* issuers were looked for */
	size_t		 found;		/* and so many were there */
	/* issuers of the last that was asked about, and its chain; owned */
	struct db_res	*up;
	char		*chain;
};

static void load(struct audit_job *);

static void
forget(struct certs *c)
{
	size_t	i;

	for (i = 0; i < c->n; i++) {
		if (c->one[i].have)
			judge_cert_free(&c->one[i].said);
		buf_free(&c->one[i].raw);
	}
	memset(c->one, 0, sizeof(c->one));
	c->n = c->left = 0;
	db_free(c->due);
	c->due = NULL;
}

static void
drop(struct audit_job *j)
{
	struct certs	*c = j->state;
	size_t		 i;

	forget(c);
	for (i = 0; i < c->nwant; i++)
		free(c->want[i]);
	free(c->last);
	db_free(c->up);
	free(c->chain);
	free(c);
}

/* The issuers of row ${i}: mostly those of the row before. */
static int
issuers(struct audit_job *j, size_t i, struct err *e)
{
	struct certs	*c = j->state;
	const char	*chain = db_text(c->due, i, CERT_DUE_CHAIN);

	if (c->chain != NULL && strcmp(chain, c->chain) == 0)
		return 0;
	db_free(c->up);
	c->up = NULL;
	free(c->chain);
	c->chain = NULL;
	if (cert_store_issuers(j->en->db, c->due, i, c->spki, &c->up, e)
	    == -1)
		return -1;
	c->chain = mem_str(chain);
	return 0;
}

/* Ask the judge about row ${i}. */
static int
ask(struct audit_job *j, size_t i)
{
	struct certs		*c = j->state;
	struct judge_cert_ask	*q = mem_zero(sizeof(*q));
	struct buf		 b = BUF_INIT;
	struct err		 e = ERR_INIT;
	struct span		 der;
	size_t			 k, bytes = 0;

	q->at = clk_wall();
	q->name = "";
	q->cert = db_bytes(c->due, i, CERT_DUE_DER);
	if (issuers(j, i, &e) == -1) {
		free(q);
		audit_fault(j, &e);
		return -1;
	}
	for (k = 0; k < db_rows(c->up) && k < LIMIT_POOL; k++) {
		der = db_bytes(c->up, k, 1);
		bytes += der.n;
		if (bytes > POOL_BYTES)
			break;
		q->pool[q->npool++] = der;
	}
	judge_cert_ask_pack(&b, q);
	c->one[i].ask_id = audit_ask(j, JUDGE_CERT, &b, NULL, 0);
	buf_free(&b);
	free(q);
	return c->one[i].ask_id != 0 ? 0 : -1;
}

static void
begin(struct audit_job *j)
{
	struct certs	*c = mem_zero(sizeof(*c));

	j->state = c;
	if (strlen(j->lease.subject) != 64 ||
	    enc_unhex_to(c->spki, 32, j->lease.subject) == -1) {
		audit_done(j, -1);
		return;
	}
	load(j);
}

/* The next batch, or the end. */
static void
load(struct audit_job *j)
{
	struct certs	*c = j->state;
	struct err	 e = ERR_INIT;
	struct span	 tbs;
	size_t		 i;

	if (cert_store_due(j->en->db, &(struct cert_ask){ c->spki, clk_wall() -
	    AUDIT_AGE, c->last != NULL ? c->last : "", c->total != 0 ? c->last_tbs : NULL, BATCH },
	    &c->due, &e) == -1) {
		audit_fault(j, &e);
		return;
	}
	c->n = db_rows(c->due);
	if (c->n == 0) {
		if (c->total > BATCH)
			log_info("cert", "%zu certificates of one issuer "
			    "looked at", c->total);
		/* the sweep plans it again */
		audit_done(j, -1);
		return;
	}
	for (i = 0; i < c->n; i++) {
		tbs = db_bytes(c->due, i, CERT_DUE_TBS);
		if (tbs.n == 32)
			memcpy(c->one[i].tbs, tbs.p, 32);
	}
	free(c->last);
	c->last = mem_str(db_text(c->due, c->n - 1, CERT_DUE_SERIAL));
	memcpy(c->last_tbs, c->one[c->n - 1].tbs, 32);
	c->left = c->n;
	c->total += c->n;
	for (i = 0; i < c->n && !j->ended; i++)
		if (ask(j, i) == -1)
			return;
}

/* Addresses where an issuer that is missing may be. */
static void
collect(struct certs *c)
{
	size_t	i, k, w;

	for (i = 0; i < c->n; i++) {
		if (!c->one[i].have)
			continue;
		for (k = 0; k < c->one[i].said.nwant; k++) {
			const char	*url = c->one[i].said.want[k];

			for (w = 0; w < c->nwant; w++)
				if (strcmp(c->want[w], url) == 0)
					break;
			if (w == c->nwant && c->nwant < WANTS)
				c->want[c->nwant++] = mem_str(url);
		}
	}
}

/* Follow them; 1 when some are under way. */
static int
look(struct audit_job *j)
{
	struct certs		*c = j->state;
	struct fetch_get	 g;
	size_t			 i;

	if (c->looked)
		return 0;
	c->looked = 1;
	collect(c);
	for (i = 0; i < c->nwant; i++) {
		memset(&g, 0, sizeof(g));
		g.cap = LIMIT_BODY_AIA;
		g.timeout_ms = 10000;
		g.flags = FETCH_F_FOLLOW;
		g.method = "GET";
		g.url = c->want[i];
		c->want_id[i] = audit_get(j, &g);
	}
	c->wants_left = c->nwant;
	return c->nwant != 0;
}

/* All of the batch was judged: store it. */
static void
store(struct audit_job *j)
{
	struct certs	*c = j->state;
	struct cert_in	 in[BATCH];
	struct err	 e = ERR_INIT;
	size_t		 i, n = 0;

	for (i = 0; i < c->n; i++)
		if (c->one[i].have)
			in[n++] = (struct cert_in){ c->one[i].tbs,
			    &c->one[i].said };
	if (audit_begin(j) == -1)
		return;
	for (i = 0; i < c->n; i++)
		if (!c->one[i].have && cert_store_refused(j->en->db,
		    c->one[i].tbs, db_text(c->due, i, CERT_DUE_FORM), &e)
		    == -1) {
			audit_fault(j, &e);
			return;
		}
	if (cert_store_said(j->en->db, in, n, &e) == -1 ||
	    cert_find(j->en->db, in, n, &e) == -1) {
		audit_fault(j, &e);
		return;
	}
	if (audit_commit(j) == -1)
		return;
	forget(c);
	load(j);
}

/* Every certificate was judged, or will not be. */
static void
judged_all(struct audit_job *j)
{
	if (!look(j))
		store(j);
}

/* With what was found, those once more that wanted it. */
static void
again(struct audit_job *j)
{
	struct certs	*c = j->state;
	size_t		 i;

	free(c->chain);
	c->chain = NULL;
	for (i = 0; i < c->n && c->found != 0; i++) {
		if (!c->one[i].have || c->one[i].said.nwant == 0)
			continue;
		judge_cert_free(&c->one[i].said);
		c->one[i].have = 0;
		buf_reset(&c->one[i].raw);
		c->left++;
		if (ask(j, i) == -1)
			return;
	}
	if (c->left == 0)
		store(j);
}

static void
fetched(struct audit_job *j, const struct fetch_done *d)
{
	struct certs	*c = j->state;
	struct buf	 b = BUF_INIT;
	char		 why[400];
	size_t		 i;

	for (i = 0; i < c->nwant && c->want_id[i] != d->id; i++)
		;
	if (i == c->nwant)
		return;
	c->want_id[i] = 0;
	if (d->failure == FETCH_OK && d->status == 200 && d->body.n != 0) {
		buf_vec32(&b, d->body.p, d->body.n);
		c->aia_id[i] = audit_ask(j, JUDGE_AIA, &b, NULL, 0);
		buf_free(&b);
		return;
	}
	audit_refusal(d, why, sizeof(why));
	log_info("aia", "%s: %s", c->want[i], why);
	if (--c->wants_left == 0)
		again(j);
}

/* Issuers that were found. */
static void
aia(struct audit_job *j, const struct judge_reply *r, struct cur *cur)
{
	struct certs		*c = j->state;
	struct judge_aia	 a;
	struct issuer_in	 in[JUDGE_AIA_MAX];
	struct err		 e = ERR_INIT;
	size_t			 i;

	if (r->ok && judge_aia_read(cur, &a) == 0 && a.n != 0) {
		if (audit_begin(j) == -1)
			return;
		c->found += a.n;
		for (i = 0; i < a.n; i++)
			in[i] = (struct issuer_in){ a.der[i],
			    a.spki_sha256[i], owner_of_key(a.spki_sha256[i]) };
		if (issuer_store_all(j->en->db, in, a.n, &e) == -1) {
			audit_fault(j, &e);
			return;
		}
		if (audit_commit(j) == -1)
			return;
	}
	if (--c->wants_left == 0)
		again(j);
}

static void
judged(struct audit_job *j, const struct judge_reply *r, struct cur *cur)
{
	struct certs	*c = j->state;
	struct one	*o;
	struct cur	 raw;
	uint8_t		 sha[32];
	size_t		 i;

	for (i = 0; i < c->nwant; i++)
		if (c->aia_id[i] == r->id) {
			c->aia_id[i] = 0;
			aia(j, r, cur);
			return;
		}
	for (i = 0; i < c->n && c->one[i].ask_id != r->id; i++)
		;
	if (i == c->n)
		return;
	o = &c->one[i];
	o->ask_id = 0;
	if (r->ok) {
		buf_span(&o->raw, cur_rest(cur));
		raw = cur_span(buf_bytes(&o->raw));
		o->have = judge_cert_read(&raw, &o->said) == 0;
		sha_256(sha, db_bytes(c->due, i, CERT_DUE_DER).p,
		    db_bytes(c->due, i, CERT_DUE_DER).n);
		/* of another certificate nobody asked */
		if (o->have && memcmp(sha, o->said.cert_sha256, 32) != 0) {
			judge_cert_free(&o->said);
			o->have = 0;
		}
	} else {
		log_info("cert", "%s", r->msg);
	}
	if (--c->left == 0)
		judged_all(j);
}

/*
 * The judge died: of the oldest question that it has not answered, as it
 * answers in their order.  The others are asked again.
 */
static void
orphan(struct audit_job *j, const char *why)
{
	struct certs	*c = j->state;
	size_t		 i;
	int		 killer = 1;

	log_warn("cert", "%s: %s", j->lease.subject, why);
	for (i = 0; i < c->nwant; i++)
		if (c->aia_id[i] != 0) {
			c->aia_id[i] = 0;
			if (--c->wants_left == 0) {
				again(j);
				return;
			}
		}
	for (i = 0; i < c->n && !j->ended; i++) {
		if (c->one[i].ask_id == 0)
			continue;
		c->one[i].ask_id = 0;
		if (killer) {
			killer = 0;
			c->left--;
		} else if (ask(j, i) == -1)
			return;
	}
	if (killer == 0 && c->left == 0 && !j->ended)
		judged_all(j);
}

const struct audit_kind audit_cert = {
	.name = "cert", .most = 16, .begin = begin, .fetched = fetched,
	.judged = judged, .orphan = orphan, .drop = drop
};
