#include "auditor/role/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/cert_store.h"
#include "auditor/db/endpoint_store.h"
#include "auditor/db/match_store.h"
#include "auditor/cert_find.h"
#include "auditor/endpoint_find.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sha.h"

/*
 * Kind "endpoint": every address of one endpoint is connected to, and what it
 * serves is judged.
 */

#define TIMEOUT_MS	10000

/* What one address served, kept until all of them have answered. */
struct addr {
	char			 addr[64];
	char			 version[16];
	char			 message[256];
	int			 ok;
	struct buf		 mem;		/* of all that follows */
	struct span		 chain[LIMIT_CHAIN], staple, scts;
	size_t			 nchain;
	uint8_t			 hash[LIMIT_CHAIN][32];
	uint64_t		 ask_id, staple_id;
	struct buf		 raw;
	struct judge_cert	 said;
	int			 have;
	struct ocsp_said	 stapled;
	int			 have_staple;
};

struct endpoint_job {
	struct endpoint_row	 row;
	struct addr		*v;
	size_t			 n, cap, asked;
	char			 why[256];	/* no address at all */
	char			 resolver[64];	/* that has no answer */
};

static void
drop(struct audit_job *j)
{
	struct endpoint_job	*c = j->state;
	size_t			 i;

	for (i = 0; i < c->n; i++) {
		buf_free(&c->v[i].mem);
		buf_free(&c->v[i].raw);
		if (c->v[i].have)
			judge_cert_free(&c->v[i].said);
		ocsp_said_free(&c->v[i].stapled);
	}
	free(c->v);
	endpoint_row_free(&c->row);
	free(c);
}

static void
begin(struct audit_job *j)
{
	struct endpoint_job	*c = mem_zero(sizeof(*c));
	struct probe_tls	 t;
	struct err		 e = ERR_INIT;

	j->state = c;
	if (endpoint_load(j->en->db, strtoll(j->lease.subject, NULL, 10),
	    &c->row, &e) == -1) {
		if (e.code == ERR_NOENT)
			audit_done(j, -1);
		else
			audit_fault(j, &e);
		return;
	}
	memset(&t, 0, sizeof(t));
	t.host = c->row.host;
	t.port = (uint16_t)c->row.port;
	t.starttls = strcmp(c->row.starttls, "smtp") == 0 ? PROBE_SMTP :
	    strcmp(c->row.starttls, "imap") == 0 ? PROBE_IMAP : PROBE_PLAIN;
	/* an address is no server name (RFC 6066 3) */
	t.sni = strchr(c->row.host, ':') != NULL ||
	    strspn(c->row.host, "0123456789.") == strlen(c->row.host) ? "" :
	    c->row.host;
	t.timeout_ms = TIMEOUT_MS;
	(void)audit_probe_tls(j, &t);
}

/* A span of the message into memory of ours; offsets until all is there. */
static void
keep(struct buf *mem, struct span in, struct span *out)
{
	out->p = (const uint8_t *)mem->n;
	out->n = in.n;
	buf_span(mem, in);
}

static void
settle(const struct buf *mem, struct span *s)
{
	s->p = s->n != 0 ? mem->p + (uintptr_t)s->p : NULL;
}

static struct addr *
add(struct endpoint_job *c, const struct probe_served *s)
{
	struct addr	*a;
	size_t		 i;

	c->v = mem_grow(c->v, &c->cap, c->n + 1, sizeof(*c->v));
	a = &c->v[c->n++];
	memset(a, 0, sizeof(*a));
	(void)snprintf(a->addr, sizeof(a->addr), "%s", s->addr);
	(void)snprintf(a->version, sizeof(a->version), "%s", s->version);
	(void)snprintf(a->message, sizeof(a->message), "%s", s->message);
	a->ok = s->ok && s->nchain != 0;
	if (!a->ok)
		return a;
	for (i = 0; i < s->nchain && i < LIMIT_CHAIN; i++) {
		sha_256(a->hash[i], s->chain[i].p, s->chain[i].n);
		keep(&a->mem, s->chain[i], &a->chain[i]);
		a->nchain = i + 1;
	}
	keep(&a->mem, s->staple, &a->staple);
	keep(&a->mem, s->scts, &a->scts);
	for (i = 0; i < a->nchain; i++)
		settle(&a->mem, &a->chain[i]);
	settle(&a->mem, &a->staple);
	settle(&a->mem, &a->scts);
	return a;
}

static int save(struct audit_job *, struct err *);

/* All is known: store it. */
static void
store(struct audit_job *j)
{
	struct endpoint_job	*c = j->state;
	struct err		 e = ERR_INIT;
	size_t			 i;
	int			 ok = 0;

	if (audit_begin(j) == -1)
		return;
	if (save(j, &e) == -1) {
		audit_fault(j, &e);
		return;
	}
	if (audit_commit(j) == -1)
		return;
	for (i = 0; i < c->n; i++)
		ok |= c->v[i].ok;
	if (ok)
		audit_done(j, audit_every(j));
	else if (c->resolver[0] != '\0')
		audit_fail_dns(j, c->resolver, c->row.host, c->why);
	else
		audit_fail(j, c->why[0] != '\0' ? c->why : "it does not "
		    "answer");
}

/* SCTs that an answer brings which counts (RFC 6962 3.3). */
static struct span
stapled_scts(const struct addr *a)
{
	return a->have_staple &&
	    ocsp_said_counts(&a->stapled) != OCSP_SAYS_NOTHING ?
	    buf_bytes(&a->stapled.scts) : (struct span){ NULL, 0 };
}

/* Have the certificate of one address judged. */
static int
ask(struct audit_job *j, struct addr *a)
{
	struct endpoint_job	*c = j->state;
	struct judge_cert_ask	*q = mem_zero(sizeof(*q));
	struct buf		 b = BUF_INIT;
	size_t			 i;

	q->at = clk_wall();
	q->name = c->row.host;
	q->cert = a->chain[0];
	q->tls = a->scts;
	q->ocsp = stapled_scts(a);
	for (i = 1; i < a->nchain; i++)
		q->pool[q->npool++] = a->chain[i];
	judge_cert_ask_pack(&b, q);
	free(q);
	a->ask_id = audit_ask(j, JUDGE_CERT, &b, NULL, 0);
	buf_free(&b);
	if (a->ask_id == 0)
		return -1;
	c->asked++;
	return 0;
}

/* The staple, when the serial is known. */
static int
ask_staple(struct audit_job *j, struct addr *a)
{
	struct endpoint_job	*c = j->state;
	struct judge_ocsp_ask	 q;
	struct buf		 b = BUF_INIT;
	size_t			 i;

	for (i = 1; i < a->nchain; i++)
		if (a->said.has_issuer && memcmp(a->hash[i],
		    a->said.issuer_sha256, 32) == 0)
			break;
	if (a->staple.n == 0 || i >= a->nchain)
		return 0;
	memset(&q, 0, sizeof(q));
	q.now = clk_wall();
	q.issuer = a->chain[i];
	q.serial = a->said.serial;
	q.body = a->staple;
	judge_ocsp_ask_pack(&b, &q);
	a->staple_id = audit_ask(j, JUDGE_OCSP, &b, NULL, 0);
	buf_free(&b);
	if (a->staple_id == 0)
		return -1;
	c->asked++;
	return 0;
}

static void
served(struct audit_job *j, const struct probe_served *s)
{
	struct endpoint_job	*c = j->state;
	size_t			 i;

	if (s->addr[0] != '\0' && c->n < LIMIT_PROBE_ADDRS)
		(void)add(c, s);
	if (!s->ok)
		(void)snprintf(c->why, sizeof(c->why), "%s", s->message);
	(void)snprintf(c->resolver, sizeof(c->resolver), "%s", s->resolver);
	if (!s->last)
		return;
	for (i = 0; i < c->n; i++)
		if (c->v[i].ok && ask(j, &c->v[i]) == -1)
			return;
	if (c->asked == 0)
		store(j);
}

static void
judged(struct audit_job *j, const struct judge_reply *r, struct cur *cur)
{
	struct endpoint_job	*c = j->state;
	struct addr		*a = NULL;
	struct cur		 raw;
	size_t			 i;

	for (i = 0; i < c->n; i++)
		if (c->v[i].ask_id == r->id || c->v[i].staple_id == r->id)
			a = &c->v[i];
	if (a == NULL)
		return;
	c->asked--;
	if (a->staple_id == r->id) {
		a->staple_id = 0;
		ocsp_said_free(&a->stapled);
		a->have_staple = r->ok &&
		    judge_ocsp_read(cur, &a->stapled) == 0;
		if (stapled_scts(a).n != 0 && ask(j, a) == -1)
			return;
	} else {
		a->ask_id = 0;
		if (a->have)
			judge_cert_free(&a->said);
		buf_reset(&a->raw);
		buf_span(&a->raw, cur_rest(cur));
		raw = cur_span(buf_bytes(&a->raw));
		a->have = r->ok && judge_cert_read(&raw, &a->said) == 0;
		/* of another certificate nobody asked */
		if (a->have && memcmp(a->said.cert_sha256, a->hash[0], 32)
		    != 0) {
			judge_cert_free(&a->said);
			a->have = 0;
		}
		if (!a->have)
			(void)snprintf(a->message, sizeof(a->message),
			    "%.250s", r->ok ? "the judge talks nonsense" :
			    r->msg);
		else if (!a->have_staple && ask_staple(j, a) == -1)
			return;
	}
	if (c->asked == 0)
		store(j);
}

static void
orphan(struct audit_job *j, const char *why)
{
	struct endpoint_job	*c = j->state;
	size_t			 i;

	for (i = 0; i < c->n; i++) {
		if (c->v[i].ask_id != 0)
			(void)snprintf(c->v[i].message,
			    sizeof(c->v[i].message), "%s", why);
		c->v[i].ask_id = c->v[i].staple_id = 0;
	}
	c->asked = 0;
	store(j);
}

/* --- storing ---------------------------------------------------------------------- */

/* The certificate, its SCTs, its verdicts. */
static int
put_cert(struct db *db, const struct addr *a, struct err *e)
{
	struct cert_in		in = { a->said.tbs_sha256, &a->said };
	struct endpoint_about	about;
	size_t			i;

	if (cert_store_served(db, &a->said, a->chain[0], e) == -1 ||
	    endpoint_about(db, a->said.tbs_sha256, &about, e) == -1)
		return -1;
	/* what the job of its issuer said knows more chains */
	if (about.have)
		return cert_store_scts(db, &in, 1, e);
	for (i = 1; i < a->nchain; i++)
		if (a->said.has_issuer && memcmp(a->hash[i],
		    a->said.issuer_sha256, 32) == 0 && issuer_store(db,
		    a->chain[i], a->said.issuer_spki, NULL, e) == -1)
			return -1;
	return cert_store_said(db, &in, 1, e);
}

static int
put_addr(struct audit_job *j, const struct addr *a, struct err *e)
{
	struct endpoint_job	*c = j->state;
	struct span		 hash[LIMIT_CHAIN];
	struct endpoint_seen	 s;
	size_t			 i;

	memset(&s, 0, sizeof(s));
	s.addr = a->addr;
	s.error = a->message;
	if (a->have) {
		for (i = 0; i < a->nchain; i++)
			hash[i] = (struct span){ a->hash[i], 32 };
		s.cert_sha256 = a->said.cert_sha256;
		s.tbs_sha256 = a->said.tbs_sha256;
		s.chain = (struct db_spans){ hash, a->nchain };
		s.tls_version = a->version;
		s.staple = a->staple;
		s.scts = a->scts;
		s.error = "";
		if (put_cert(j->en->db, a, e) == -1)
			return -1;
	}
	return endpoint_seen(j->en->db, c->row.id, &s, e);
}

static int
save(struct audit_job *j, struct err *e)
{
	struct endpoint_job	*c = j->state;
	struct db		*db = j->en->db;
	struct endpoint_find	 f;
	const char		**addrs = mem_array(c->n + 1, sizeof(char *));
	struct db_strs		 all = { addrs, c->n };
	size_t			 i, k;
	int			 rc = 0, ok = 0, have = 0, missing = 0;

	for (i = 0; i < c->n && rc == 0; i++) {
		addrs[i] = c->v[i].addr;
		ok |= c->v[i].ok;
		have |= c->v[i].have;
		/* one that did serve may do so again, what it did before */
		if (!c->v[i].have && (rc = endpoint_serving(db, c->row.id,
		    c->v[i].addr, e)) == 1)
			missing = 1;
		missing |= c->v[i].ok && !c->v[i].have;
		if (rc != -1)
			rc = put_addr(j, &c->v[i], e);
	}
	if (rc == 0 && c->n != 0)
		rc = endpoint_addrs(db, c->row.id, &all, e);
	free(addrs);
	if (rc == 0)
		rc = endpoint_checked(db, c->row.id, ok, c->why, e);
	/* who does not answer, or kills its judge, takes nothing back */
	if (rc == -1 || !have)
		return rc;
	endpoint_find_begin(&f, &c->row);
	for (i = 0; i < c->n && rc == 0; i++) {
		f.stapled = c->v[i].staple.n != 0;
		if (c->v[i].have)
			rc = endpoint_find_add(&f, db, c->v[i].addr,
			    &c->v[i].said, c->v[i].have_staple ?
			    &c->v[i].stapled : NULL, e);
	}
	for (k = 0; missing && k < ENDPOINT_FAULTS; k++)
		f.v[k].wait = 1;
	return rc == -1 ? -1 : endpoint_find_end(&f, db, e);
}

const struct audit_kind audit_endpoint = {
	.name = "endpoint", .most = 200, .begin = begin, .judged = judged,
	.served = served, .orphan = orphan, .drop = drop
};
