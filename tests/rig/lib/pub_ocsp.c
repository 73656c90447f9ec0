#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/rand.h>

#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/der.h"
#include "tests/rig/lib/ocspmsg.h"
#include "tests/rig/lib/pub_ocsp.h"

#define SHA1_OID DER_OID_OF("\x2b\x0e\3\2\x1a")
#define SHA256_OID DER_OID_OF("\x60\x86\x48\1\x65\3\4\2\1")
#define SHA1_ALG DER_OID_OF("\x30\x09\6\5\x2b\x0e\3\2\x1a\5\0")

/* One answer on its way. */
struct answer {
	struct pub	*p;
	const struct pask *q;
	const struct ocsp_ask *a;
	time_t		 now, this, next;
	struct buf	 singles;
	struct buf	 nonce;
	uint8_t		 serial[64], key[64];	/* of an id, made wrong */
};

static struct plie *
tell(const struct answer *an, enum plie_id id)
{
	return plie_tell(&an->p->lies, id, an->q);
}

static int
equal(struct span a, struct span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* Which hash a CertID of ours is in: 0 SHA-1, 1 SHA-256; -1: not ours. */
static int
our_hash(const struct pub *p, const struct certid *id)
{
	static const size_t size[2] = { 20, 32 };
	int h = equal(id->oid, SHA1_OID) ? 0 :
	    equal(id->oid, SHA256_OID) ? 1 : -1;

	if (h == -1 || id->name.n != size[h] || id->key.n != size[h] ||
	    memcmp(id->name.p, p->hash[h][0], size[h]) != 0 ||
	    memcmp(id->key.p, p->hash[h][1], size[h]) != 0)
		return -1;
	return h;
}

static void
set_times(struct answer *an)
{
	const struct plie *l;

	an->now = time(NULL);
	an->this = an->now;
	if ((l = tell(an, PLIE_STALE)) != NULL)
		an->this = an->now - l->n - an->p->ocsp_secs;
	if ((l = tell(an, PLIE_FUTURE)) != NULL)
		an->this = an->now + l->n;
	an->next = an->this + an->p->ocsp_secs;
	if (tell(an, PLIE_NONEXT) != NULL)
		an->next = 0;
}

/* The CertID as it is answered: that of the request, or another. */
static void
bend_id(struct answer *an, struct certid *id)
{
	if (tell(an, PLIE_SHA1) != NULL && our_hash(an->p, id) == 1) {
		id->alg = SHA1_ALG;
		id->name = (struct span){ an->p->hash[0][0], 20 };
		id->key = (struct span){ an->p->hash[0][1], 20 };
	}
	if (tell(an, PLIE_SERIAL) != NULL && id->serial.n <= 64) {
		memcpy(an->serial, id->serial.p, id->serial.n);
		an->serial[id->serial.n - 1] ^= 1;
		id->serial.p = an->serial;
	}
	if (tell(an, PLIE_ISSUER) != NULL) {
		memcpy(an->key, id->key.p, id->key.n);
		an->key[0] ^= 1;
		id->key.p = an->key;
	}
}

/* What is said about the serial; -1: nothing ("unauthorized"). */
static int
judge(struct answer *an, const char *serial, struct ocsp_single *s)
{
	struct rev r = { "", 0, -1, 0 };
	enum pub_state st = pub_state(an->p, serial, &r);
	const struct plie *l;

	s->status = st == PUB_REVOKED ? OCSP_SAY_REVOKED :
	    st == PUB_GOOD ? OCSP_SAY_GOOD : OCSP_SAY_UNKNOWN;
	s->revoked_at = r.at;
	s->reason = r.reason;
	if (st == PUB_UNISSUED && tell(an, PLIE_GOOD) != NULL)
		s->status = OCSP_SAY_GOOD;
	if ((l = tell(an, PLIE_CONTRADICT)) != NULL) {
		s->status = strcmp(l->mode, "revoked") == 0 ?
		    OCSP_SAY_REVOKED : strcmp(l->mode, "unknown") == 0 ?
		    OCSP_SAY_UNKNOWN : OCSP_SAY_GOOD;
		if (st != PUB_REVOKED)
			s->revoked_at = an->now - 3600;
	}
	return s->status == OCSP_SAY_UNKNOWN &&
	    strcmp(an->p->unissued, "unauthorized") == 0 ? -1 : 0;
}

/* Other certificates' answers in front of the one that was asked for. */
static void
put_others(struct answer *an, const struct ocsp_single *like, int64_t n)
{
	struct ocsp_single s = *like;
	uint8_t serial[16];

	for (; n > 0; n--) {
		if (RAND_bytes(serial, sizeof(serial)) != 1)
			abort();
		serial[0] = (serial[0] & 0x3f) | 0x40;
		s.id.serial = (struct span){ serial, sizeof(serial) };
		s.status = OCSP_SAY_GOOD;
		ocspmsg_single(&s, &an->singles);
	}
}

static int
put_single(struct answer *an, size_t i)
{
	struct ocsp_single s;
	const struct plie *l;
	char serial[44];

	memset(&s, 0, sizeof(s));
	s.id = an->a->id[i];
	if (revdb_integer(s.id.serial, serial) == -1 ||
	    judge(an, serial, &s) == -1)
		return -1;
	s.this = an->this;
	s.next = an->next;
	s.scts = buf_bytes(&an->p->scts);
	bend_id(an, &s.id);
	if ((l = tell(an, PLIE_MANY)) != NULL)
		put_others(an, &s, l->n);
	ocspmsg_single(&s, &an->singles);
	return 0;
}

/* Echo the nonce, or not. */
static void
set_nonce(struct answer *an)
{
	const struct plie *l = an->a->nonce.n == 0 ? NULL :
	    tell(an, PLIE_NONCE);

	if (an->p->nonce == 0 || (l != NULL && strcmp(l->mode, "wrong") != 0))
		return;
	buf_span(&an->nonce, an->a->nonce);
	if (l != NULL)
		an->nonce.p[an->nonce.n - 1] ^= 1;
}

static const struct signer *
choose_signer(const struct answer *an)
{
	static const struct { enum plie_id lie; enum pub_responder r; } t[] = {
		{ PLIE_RESPONDER, PUB_OTHER }, { PLIE_NOEKU, PUB_NOEKU },
		{ PLIE_NONOCHECK, PUB_NONOCHECK },
		{ PLIE_EXPIRED, PUB_EXPIRED }
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (tell(an, t[i].lie) != NULL)
			return &an->p->responder[t[i].r];
	return strcmp(an->p->ocsp, "direct") == 0 ? &an->p->ca :
	    &an->p->responder[PUB_DELEGATE];
}

static void
put_responder(const struct pub *p, const struct signer *s, struct buf *b)
{
	size_t at = b->n;

	if (strcmp(p->responder_id, "name") == 0)
		buf_add(b, s->subject.p, s->subject.n);
	else
		der_put(b, DER_OCTETS, s->key_sha1, sizeof(s->key_sha1));
	der_around(b, at, strcmp(p->responder_id, "name") == 0 ? 0xa1 :
	    0xa2);
}

/* Sign what was gathered. */
static void
sign(struct answer *an, struct buf *out)
{
	const struct pub *p = an->p;
	const struct signer *s = choose_signer(an);
	struct buf id = BUF_INIT;
	struct ocsp_say say;
	const struct plie *l;

	memset(&say, 0, sizeof(say));
	if ((l = tell(an, PLIE_DEEP)) != NULL) {
		buf_reset(&an->singles);
		der_deep(&an->singles, (size_t)l->n);
	}
	put_responder(p, s, &id);
	say.responder = buf_bytes(&id);
	say.produced = an->this;
	say.singles = buf_bytes(&an->singles);
	say.nonce = buf_bytes(&an->nonce);
	say.critical = tell(an, PLIE_CRITICAL) != NULL;
	say.bad = tell(an, PLIE_BADSIG) != NULL;
	say.key = s->key;
	if (tell(an, PLIE_WRONGKEY) != NULL)
		say.key = s == &p->ca ? p->responder[0].key : p->ca.key;
	if (s != &p->ca && tell(an, PLIE_NOCERTS) == NULL)
		say.certs = buf_bytes(&s->cert);
	ocspmsg_say(&say, out);
	buf_free(&id);
}

/* A lie that is a status alone. */
static int
lie_outer(const struct answer *an, struct buf *out)
{
	static const struct { enum plie_id lie; enum ocsp_outer o; } t[] = {
		{ PLIE_TRYLATER, OUTER_TRYLATER },
		{ PLIE_INTERNAL, OUTER_INTERNAL },
		{ PLIE_UNAUTH, OUTER_UNAUTHORIZED },
		{ PLIE_MALFORMED, OUTER_MALFORMED }
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (tell(an, t[i].lie) != NULL) {
			ocspmsg_outer(t[i].o, out);
			return 1;
		}
	return 0;
}

static void
answer(struct pub *p, const struct pask *q, const struct ocsp_ask *a,
    struct buf *out)
{
	struct answer an;
	size_t i;

	memset(&an, 0, sizeof(an));
	an.p = p;
	an.q = q;
	an.a = a;
	if (lie_outer(&an, out))
		return;
	set_times(&an);
	for (i = 0; i < a->n; i++)
		if (our_hash(p, &a->id[i]) == -1 ||
		    put_single(&an, i) == -1) {
			ocspmsg_outer(OUTER_UNAUTHORIZED, out);
			goto out;
		}
	set_nonce(&an);
	sign(&an, out);
out:
	buf_free(&an.singles);
	buf_free(&an.nonce);
}

/* The same, or what was answered before. */
static void
answer_kept(struct pub *p, const struct pask *q, const struct ocsp_ask *a,
    struct buf *out)
{
	struct pub_asked *row = pub_ask(p, q->serial);
	int h = our_hash(p, &a->id[0]);
	time_t now = time(NULL);
	uint64_t v;

	row->times++;
	revdb_refresh(&p->revoked);
	revdb_refresh(&p->issued);
	v = p->revoked.version + p->issued.version + 1;
	if (p->lies.n > 0 || a->n != 1 || a->nonce.n > 0 || h == -1) {
		answer(p, q, a, out);
		return;
	}
	if (row->version[h] != v || now - row->made[h] > 600 ||
	    (now - row->made[h]) * 4 > p->ocsp_secs) {
		buf_reset(&row->answer[h]);
		answer(p, q, a, &row->answer[h]);
		row->version[h] = v;
		row->made[h] = now;
	}
	buf_add(out, row->answer[h].p, row->answer[h].n);
}

/* The request of a GET: percent-encoded base64. */
static int
from_path(const char *path, struct buf *out)
{
	struct buf query = BUF_INIT, text = BUF_INIT;
	int rc = -1;

	buf_str(&query, "q=");
	for (; *path != '\0'; path++)	/* a plus is one in a path */
		if (*path == '+')
			buf_str(&query, "%2b");
		else
			buf_u8(&query, (uint8_t)*path);
	if (web_arg(buf_text(&query), "q", &text) == 0 && text.n > 0)
		rc = b64_get(out, buf_text(&text));
	buf_free(&query);
	buf_free(&text);
	return rc;
}

/* Headers for caches (RFC 9919, 6.2). */
static void
put_headers(const struct pub *p, struct web_res *s)
{
	s->type = "application/ocsp-response";
	buf_fmt(&s->head, "Cache-Control: max-age=%ld, public, no-transform, "
	    "must-revalidate\r\nLast-Modified: ", p->ocsp_secs / 2);
	web_date(&s->head, 0);
	buf_str(&s->head, "\r\nExpires: ");
	web_date(&s->head, p->ocsp_secs);
	buf_str(&s->head, "\r\n");
}

void
pub_ocsp(struct pub *p, const struct web_req *r, const char *path,
    struct pask *q, char *serial, struct web_res *s)
{
	struct buf der = BUF_INIT;
	struct ocsp_ask a;
	char *type;

	serial[0] = '\0';
	q->serial = serial;
	if (q->kind == PKIND_POST) {
		type = web_header(r, "Content-Type");
		if (type == NULL || strcasecmp(type,
		    "application/ocsp-request") != 0) {
			web_say(s, 400, "Content-Type must be "
			    "application/ocsp-request");
			free(type);
			return;
		}
		free(type);
		buf_add(&der, r->body.p, r->body.n);
	} else if (from_path(path, &der) == -1)
		buf_reset(&der);
	put_headers(p, s);
	if (ocspmsg_read(buf_bytes(&der), &a) == -1 ||
	    revdb_integer(a.id[0].serial, serial) == -1 ||
	    a.nonce.n > 130 || a.nonce.n == 2)
		ocspmsg_outer(OUTER_MALFORMED, &s->body);
	else
		answer_kept(p, q, &a, &s->body);
	buf_free(&der);
}

void
pub_staple(struct pub *p, const char *serial, struct buf *out)
{
	struct pask q = { PKIND_POST, -1, -1, serial };
	struct ocsp_ask a;
	struct buf b = BUF_INIT;

	memset(&a, 0, sizeof(a));
	revdb_bytes(serial, &b);
	a.n = 1;
	a.id[0].alg = SHA1_ALG;
	a.id[0].oid = SHA1_OID;
	a.id[0].name = (struct span){ p->hash[0][0], 20 };
	a.id[0].key = (struct span){ p->hash[0][1], 20 };
	a.id[0].serial = buf_bytes(&b);
	answer(p, &q, &a, out);
	buf_free(&b);
}
