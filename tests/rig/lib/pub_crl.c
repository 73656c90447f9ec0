#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/bomb.h"
#include "tests/rig/lib/crlmsg.h"
#include "tests/rig/lib/der.h"
#include "tests/rig/lib/pub_crl.h"

/* One CRL on its way. */
struct draft {
	struct pub	*p;
	const struct pask *q;
	const char	*where;
	int		 shard;		/* whose entries and IDP it has */
	uint64_t	 number;
	time_t		 this, next;
	struct buf	 entries, exts;
};

static struct plie *
tell(const struct draft *d, enum plie_id id)
{
	return plie_tell(&d->p->lies, id, d->q);
}

/* The shard of a serial, from 1 on. */
static int
shard_of(const struct pub *p, const char *serial)
{
	unsigned long rest = 0, digit;

	for (; *serial != '\0'; serial++) {
		digit = (unsigned long)(*serial <= '9' ? *serial - '0' :
		    *serial - 'a' + 10);
		rest = (rest * 16 + digit) % (unsigned long)p->shards;
	}
	return (int)rest + 1;
}

/* Is this serial left out? */
static int
dropped(const struct draft *d, const char *serial)
{
	struct pask q = *d->q;

	q.serial = serial;
	return plie_is(&d->p->lies, PLIE_DROP, &q) != NULL;
}

static void
put_entries(struct draft *d)
{
	const struct revdb *db = &d->p->revoked;
	struct buf serial = BUF_INIT;
	const struct rev *r;
	int twice = tell(d, PLIE_DUP) != NULL;
	size_t i;

	for (i = 0; i < db->n; i++) {
		r = &db->rows[i];
		if (!r->on || (d->shard > 0 &&
		    shard_of(d->p, r->serial) != d->shard) ||
		    dropped(d, r->serial))
			continue;
		buf_reset(&serial);
		revdb_bytes(r->serial, &serial);
		/* unspecified is not said (RFC 5280, 5.3.1) */
		crlmsg_entry(&d->entries, buf_bytes(&serial), r->at,
		    r->reason == 0 ? -1 : r->reason);
		if (twice)
			crlmsg_entry(&d->entries, buf_bytes(&serial), r->at,
			    -1);
	}
	(void)tell(d, PLIE_DROP);
	buf_free(&serial);
}

/* Entries that nobody asked for. */
static void
put_lies(struct draft *d)
{
	const struct plie *l;
	struct buf serial = BUF_INIT, b = BUF_INIT;

	if ((l = tell(d, PLIE_HUGE)) != NULL) {
		if (d->p->filler == NULL) {
			crlmsg_filler(&b, l->n < 0 ? 1000000 :
			    (uint64_t)l->n, 7, d->this - 86400);
			d->p->filler = blob_new(&b);
		}
		buf_add(&d->entries, d->p->filler->p, d->p->filler->n);
	}
	if ((l = tell(d, PLIE_EXTRA)) != NULL)
		crlmsg_filler(&d->entries, (uint64_t)l->n, 9,
		    d->this - 86400);
	if ((l = tell(d, PLIE_BIGSERIAL)) != NULL) {
		memset(buf_room(&serial, (size_t)l->n), 'A', (size_t)l->n);
		serial.n = (size_t)l->n;
		crlmsg_entry(&d->entries, buf_bytes(&serial), d->this, -1);
	}
	if ((l = tell(d, PLIE_DEEP)) != NULL)
		der_deep(&d->entries, (size_t)l->n);
	buf_free(&serial);
}

/* The URL of the shard, in the IDP byte for byte as in certificates. */
static char *
idp_uri(const struct draft *d)
{
	const struct pub *p = d->p;

	return p->base[0] != '\0' ?
	    mem_printf("%s/%s/crl/%d.crl", p->base, p->name, d->shard) :
	    mem_printf("http://%s/%s/crl/%d.crl", d->where, p->name,
	    d->shard);
}

static void
put_idp(struct draft *d, const struct plie *wrong)
{
	struct crl_idp idp = { NULL, 0, 0, 0, 0 };
	char *uri = NULL;

	idp.indirect = tell(d, PLIE_INDIRECT) != NULL;
	idp.reasons = tell(d, PLIE_REASONS) != NULL;
	idp.cas = tell(d, PLIE_ONLYCA) != NULL;
	if (d->shard > 0 && tell(d, PLIE_NOIDP) == NULL) {
		uri = idp_uri(d);
		idp.uri = uri;
		idp.users = !idp.cas;
	} else if (wrong != NULL)
		uri = mem_str("http://127.0.0.1/other.crl");
	if (wrong != NULL && strcmp(wrong->mode, "swap") != 0) {
		idp.uri = uri;
		if (strcmp(wrong->mode, "case") == 0)
			memcpy(uri, "HTTP", 4);
		else
			uri[strlen(uri) - 1] = 'x';
	}
	if (idp.uri != NULL || idp.users || idp.cas || idp.indirect ||
	    idp.reasons)
		crlmsg_idp(&d->exts, &idp);
	free(uri);
}

static void
put_exts(struct draft *d, const struct plie *wrong)
{
	crlmsg_aki(&d->exts, (struct span){ d->p->ca.key_sha1, 20 });
	if (tell(d, PLIE_NONUMBER) == NULL)
		crlmsg_number(&d->exts, d->number);
	put_idp(d, wrong);
	if (tell(d, PLIE_DELTA) != NULL)
		crlmsg_delta(&d->exts, d->number - 1000);
	if (tell(d, PLIE_CRITICAL) != NULL)
		crlmsg_strange(&d->exts);
}

/* Number and times, told wrongly where that is wished. */
static void
bend_times(struct draft *d, const struct crl_kept *k)
{
	const struct plie *l;

	d->next = d->this + d->p->crl_secs;
	if ((l = tell(d, PLIE_STALE)) != NULL) {
		d->next = d->this - l->n;
		d->this = d->next - d->p->crl_secs;
	}
	if ((l = tell(d, PLIE_FUTURE)) != NULL) {
		d->this += l->n;
		d->next += l->n;
	}
	if ((l = tell(d, PLIE_REWOUND)) != NULL) {
		if (strcmp(l->mode, "time") != 0)
			d->number -= (uint64_t)l->n * 1000;
		if (strcmp(l->mode, "number") != 0) {
			d->this -= l->n;
			d->next -= l->n;
		}
	}
	if (tell(d, PLIE_SAMENUMBER) != NULL && k->number != 0)
		d->number = k->number;
	if (tell(d, PLIE_NONEXT) != NULL)
		d->next = 0;
}

static void
make(struct draft *d, const struct crl_kept *k, struct buf *out)
{
	struct crl_say say;
	struct plie *wrong = tell(d, PLIE_WRONGIDP);

	if (wrong != NULL && wrong->mode[0] == '\0')
		(void)snprintf(wrong->mode, sizeof(wrong->mode), "%s",
		    d->p->shards > 1 ? "swap" : "uri");
	if (wrong != NULL && strcmp(wrong->mode, "swap") == 0 && d->shard > 0)
		d->shard = d->shard % (int)d->p->shards + 1;
	bend_times(d, k);
	put_entries(d);
	put_lies(d);
	put_exts(d, wrong);
	memset(&say, 0, sizeof(say));
	say.issuer = buf_bytes(tell(d, PLIE_ISSUER) == NULL ?
	    &d->p->ca.subject : &d->p->responder[0].subject);
	say.this = d->this;
	say.next = d->next;
	say.entries = buf_bytes(&d->entries);
	say.exts = buf_bytes(&d->exts);
	say.bad = tell(d, PLIE_BADSIG) != NULL;
	say.key = tell(d, PLIE_WRONGKEY) != NULL ? d->p->responder[0].key :
	    d->p->ca.key;
	crlmsg_make(&say, out);
	buf_free(&d->entries);
	buf_free(&d->exts);
}

/* What was last published at a listener for a shard. */
static struct crl_kept *
kept_of(struct pub *p, const struct pask *q)
{
	size_t i = (size_t)q->at * ((size_t)p->shards + 1) +
	    (size_t)q->shard, old = p->nkept;

	p->kept = mem_grow(p->kept, &p->nkept, i + 1, sizeof(*p->kept));
	if (p->nkept > old)
		memset(p->kept + old, 0, (p->nkept - old) *
		    sizeof(*p->kept));
	return &p->kept[i];
}

static int
lying(struct pub *p, const struct pask *q)
{
	int i;

	for (i = 0; i < PLIE_SLOW; i++)
		if (plie_is(&p->lies, (enum plie_id)i, q) != NULL)
			return 1;
	return 0;
}

static void
publish(struct draft *d, struct crl_kept *k)
{
	struct buf b = BUF_INIT, hex = BUF_INIT;
	uint8_t h[32];

	make(d, k, &b);
	SHA256(b.p, b.n, h);
	b64_hex(&hex, h, 8);
	(void)snprintf(k->etag, sizeof(k->etag), "\"%s\"", buf_text(&hex));
	blob_drop(k->der);
	k->der = blob_new(&b);
	k->number = d->number;
	k->this = d->this;
	k->version = d->p->revoked.version + 1;
	buf_free(&hex);
}

/* Is what was published still what is to be said? */
static int
fresh(const struct pub *p, const struct crl_kept *k, time_t now)
{
	if (k->der == NULL || now - k->this > p->crl_secs / 2)
		return 0;
	return k->version == p->revoked.version + 1 ||
	    (k->version != 0 && now - k->this < p->crl_every);
}

/* Does the client have it already (RFC 9110, 13)? */
static int
unchanged(const struct web_req *r, const struct crl_kept *k)
{
	char *tag = web_header(r, "If-None-Match");
	char *since = web_header(r, "If-Modified-Since"), *end;
	struct tm tm;
	int yes = 0;

	memset(&tm, 0, sizeof(tm));
	if (tag != NULL)
		yes = strcmp(tag, k->etag) == 0;
	else if (since != NULL) {
		end = strptime(since, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		yes = end != NULL && timegm(&tm) >= k->this;
	}
	free(tag);
	free(since);
	return yes;
}

/* A gzip stream of a CRL with one serial of so many MiB. */
static void
bomb(struct pub *p, int64_t mib, struct buf *out)
{
	struct buf b = BUF_INIT, h = BUF_INIT;
	size_t n = (size_t)mib << 20, at;
	time_t now = time(NULL);
	int i;

	der_put(&h, DER_INT, "\1", 1);
	der_put(&h, DER_SEQ, "\6\x08\x2a\x86\x48\xce\x3d\4\3\2", 10);
	buf_add(&h, p->ca.subject.p, p->ca.subject.n);
	der_time(&h, now);
	der_time(&h, now + p->crl_secs);
	for (i = 0; i < 5; i++) {
		/* list, its content, entries, entry, serial */
		at = i < 2 ? h.n : 0;
		buf_u8(&b, i == 4 ? DER_INT : DER_SEQ);
		buf_u8(&b, 0x84);
		buf_u32(&b, (uint32_t)(n + 6 * (4 - (size_t)i) + at));
		if (i == 1)
			buf_add(&b, h.p, h.n);
	}
	bomb_put(out, buf_bytes(&b), 'A', (uint64_t)mib);
	buf_free(&b);
	buf_free(&h);
}

/* A CRL that was made for this request alone. */
static void
serve_lie(struct draft *d, const struct crl_kept *k, struct web_res *s)
{
	const struct plie *l = tell(d, PLIE_BOMB);
	struct buf b = BUF_INIT;

	if (l != NULL) {
		bomb(d->p, l->n, &s->body);
		buf_str(&s->head, "Content-Encoding: gzip\r\n");
		return;
	}
	make(d, k, &b);
	s->blob = blob_new(&b);
}

void
pub_crl(struct pub *p, const struct web_req *r, const struct pask *q,
    const char *where, struct web_res *s)
{
	struct crl_kept *k = kept_of(p, q);
	struct timespec ts;
	struct draft d;

	clock_gettime(CLOCK_REALTIME, &ts);
	memset(&d, 0, sizeof(d));
	d.p = p;
	d.q = q;
	d.where = where;
	d.shard = q->shard;
	d.this = ts.tv_sec;
	d.number = (uint64_t)ts.tv_sec * 1000 +
	    (uint64_t)ts.tv_nsec / 1000000;
	if (d.number <= k->number)
		d.number = k->number + 1;
	s->type = "application/pkix-crl";
	revdb_refresh(&p->revoked);
	if (tell(&d, PLIE_304) != NULL && (strstr(r->head, "\nIf-") != NULL ||
	    strstr(r->head, "\nif-") != NULL)) {
		s->status = 304;
		return;
	}
	if (lying(p, q)) {
		serve_lie(&d, k, s);
		return;
	}
	if (!fresh(p, k, d.this))
		publish(&d, k);
	buf_fmt(&s->head, "ETag: %s\r\nLast-Modified: ", k->etag);
	web_date(&s->head, k->this - time(NULL));
	buf_fmt(&s->head, "\r\nCache-Control: max-age=%ld\r\n",
	    p->crl_secs / 8);
	if (unchanged(r, k)) {
		s->status = 304;
		p->unchanged++;
	} else
		s->blob = blob_hold(k->der);
}

void
pub_crl_publish(struct pub *p)
{
	size_t i;

	for (i = 0; i < p->nkept; i++)
		p->kept[i].version = 0;
}
