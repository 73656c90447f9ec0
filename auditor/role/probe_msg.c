/* The messages of the probe process, declared in probe.h. */
#include <string.h>

#include "auditor/ipc_text.h"
#include "auditor/role/probe.h"
#include "base/err.h"

#define OWNER_MAX	1025	/* a name of 255 bytes, all written as \DDD */
#define RDATA_MAX	65535u

/* What one address served always fits: it came in so many bytes. */
_Static_assert(4ull * LIMIT_PROBE_BYTES < LIMIT_FRAME, "an answer is a frame");
/* So do the records of an answer, which came in one DNS message. */
_Static_assert(PROBE_RRS * (OWNER_MAX + 300ull) + 2 * RDATA_MAX < LIMIT_FRAME,
    "an answer is a frame");

static int
get_flag(struct cur *k, int *flag)
{
	uint8_t	v;

	if (cur_u8(k, &v) != 0 || v > 1)
		return -1;
	*flag = v;
	return 0;
}

static int
bad(struct err *e, const char *what)
{
	return err_set(e, ERR_FORMAT, "the probe channel carried a %s that "
	    "is not well formed", what);
}

void
probe_setup_pack(struct buf *b, const struct probe_setup *s)
{
	size_t	i;

	buf_u16(b, (uint16_t)s->nallow);
	for (i = 0; i < s->nallow; i++)
		ipc_text_put(b, s->allow[i]);
	buf_u16(b, (uint16_t)s->nresolvers);
	for (i = 0; i < s->nresolvers; i++)
		ipc_text_put(b, s->resolvers[i]);
}

int
probe_setup_read(struct cur k, struct probe_setup *s, struct err *e)
{
	uint16_t	n;
	size_t		i;

	memset(s, 0, sizeof(*s));
	if (cur_u16(&k, &n) != 0 || n > LIMIT_EGRESS_NETS)
		return bad(e, "setup");
	for (i = 0; i < n; i++)
		if (ipc_text_plain(&k, &s->allow[i], 64) != 0)
			return bad(e, "setup");
	s->nallow = n;
	if (cur_u16(&k, &n) != 0 || n > PROBE_RESOLVERS)
		return bad(e, "setup");
	for (i = 0; i < n; i++)
		if (ipc_text_plain(&k, &s->resolvers[i], 64) != 0)
			return bad(e, "setup");
	s->nresolvers = n;
	return cur_left(&k) == 0 ? 0 : bad(e, "setup");
}

void
probe_tls_pack(struct buf *b, const struct probe_tls *t)
{
	buf_u64(b, t->id);
	ipc_text_put(b, t->host);
	buf_u16(b, t->port);
	buf_u8(b, (uint8_t)t->starttls);
	ipc_text_put(b, t->sni);
	buf_u32(b, t->timeout_ms);
}

int
probe_tls_read(struct cur k, struct probe_tls *t, struct err *e)
{
	uint8_t	starttls;

	memset(t, 0, sizeof(*t));
	if (cur_u64(&k, &t->id) != 0 || t->id == 0 ||
	    ipc_text_plain(&k, &t->host, 256) != 0 || *t->host == '\0' ||
	    cur_u16(&k, &t->port) != 0 || t->port == 0 ||
	    cur_u8(&k, &starttls) != 0 || starttls > PROBE_IMAP ||
	    ipc_text_plain(&k, &t->sni, 256) != 0 ||
	    cur_u32(&k, &t->timeout_ms) != 0 ||
	    t->timeout_ms > PROBE_TIMEOUT_MAX || cur_left(&k) != 0)
		return bad(e, "request");
	t->starttls = (enum probe_starttls)starttls;
	return 0;
}

void
probe_served_pack(struct buf *b, const struct probe_served *s)
{
	size_t	i;

	buf_u64(b, s->id);
	buf_u8(b, (uint8_t)(s->last != 0));
	ipc_text_put(b, s->addr);
	buf_u8(b, (uint8_t)(s->ok != 0));
	ipc_text_put(b, s->message);
	ipc_text_put(b, s->note);
	ipc_text_put(b, s->resolver);
	ipc_text_put(b, s->version);
	buf_u16(b, (uint16_t)s->nchain);
	for (i = 0; i < s->nchain; i++)
		buf_vec32(b, s->chain[i].p, s->chain[i].n);
	buf_vec32(b, s->staple.p, s->staple.n);
	buf_vec32(b, s->scts.p, s->scts.n);
	buf_u64(b, s->us);
}

int
probe_served_read(struct cur k, struct probe_served *s, struct err *e)
{
	uint16_t	n;
	size_t		i;

	memset(s, 0, sizeof(*s));
	if (cur_u64(&k, &s->id) != 0 || s->id == 0 ||
	    get_flag(&k, &s->last) != 0 ||
	    ipc_text_plain_copy(&k, s->addr, sizeof(s->addr)) != 0 ||
	    get_flag(&k, &s->ok) != 0 ||
	    ipc_text_plain_copy(&k, s->message, sizeof(s->message)) != 0 ||
	    ipc_text_plain_copy(&k, s->note, sizeof(s->note)) != 0 ||
	    ipc_text_plain_copy(&k, s->resolver, sizeof(s->resolver)) != 0 ||
	    ipc_text_plain_copy(&k, s->version, sizeof(s->version)) != 0)
		return bad(e, "answer");
	if (s->ok != (s->message[0] == '\0') ||
	    s->ok != (s->version[0] != '\0') ||
	    (s->addr[0] == '\0' ? s->ok || !s->last :
	    s->resolver[0] != '\0'))
		return bad(e, "answer");
	if (cur_u16(&k, &n) != 0)
		return bad(e, "answer");
	if (n > LIMIT_CHAIN)
		return err_set(e, ERR_LIMIT, "the probe channel carried a "
		    "chain of %u certificates; at most %d are allowed",
		    (unsigned)n, LIMIT_CHAIN);
	for (i = 0; i < n; i++)
		if (ipc_text_bytes(&k, &s->chain[i], LIMIT_PROBE_BYTES) != 0)
			return bad(e, "answer");
	s->nchain = n;
	if (ipc_text_bytes(&k, &s->staple, LIMIT_PROBE_BYTES) != 0 ||
	    ipc_text_bytes(&k, &s->scts, LIMIT_PROBE_BYTES) != 0 ||
	    cur_u64(&k, &s->us) != 0 || cur_left(&k) != 0)
		return bad(e, "answer");
	return 0;
}

void
probe_dns_pack(struct buf *b, const struct probe_dns *d)
{
	buf_u64(b, d->id);
	ipc_text_put(b, d->name);
	buf_u16(b, d->type);
	buf_u32(b, d->timeout_ms);
}

int
probe_dns_read(struct cur k, struct probe_dns *d, struct err *e)
{
	memset(d, 0, sizeof(*d));
	if (cur_u64(&k, &d->id) != 0 || d->id == 0 ||
	    ipc_text_plain(&k, &d->name, 256) != 0 ||
	    cur_u16(&k, &d->type) != 0 ||
	    cur_u32(&k, &d->timeout_ms) != 0 ||
	    d->timeout_ms > PROBE_TIMEOUT_MAX || cur_left(&k) != 0)
		return bad(e, "question");
	return 0;
}

void
probe_said_pack(struct buf *b, const struct probe_said *s)
{
	size_t	i;

	buf_u64(b, s->id);
	buf_u8(b, (uint8_t)(s->ok != 0));
	ipc_text_put(b, s->message);
	buf_u16(b, (uint16_t)s->rcode);
	buf_u8(b, (uint8_t)(s->ad != 0));
	buf_u32(b, s->ttl);
	ipc_text_put(b, s->resolver);
	buf_u16(b, (uint16_t)s->n);
	for (i = 0; i < s->n; i++) {
		ipc_text_put(b, s->rr[i].owner);
		buf_u32(b, s->rr[i].ttl);
		buf_vec32(b, s->rr[i].rdata.p, s->rr[i].rdata.n);
	}
}

int
probe_said_read(struct cur k, struct probe_said *s, struct err *e)
{
	struct probe_rr	*rr;
	uint16_t	 rcode, n;
	size_t		 i;

	memset(s, 0, sizeof(*s));
	if (cur_u64(&k, &s->id) != 0 || s->id == 0 ||
	    get_flag(&k, &s->ok) != 0 ||
	    ipc_text_plain_copy(&k, s->message, sizeof(s->message)) != 0 ||
	    s->ok != (s->message[0] == '\0') ||
	    cur_u16(&k, &rcode) != 0 || rcode > 0xfff ||
	    get_flag(&k, &s->ad) != 0 || cur_u32(&k, &s->ttl) != 0 ||
	    ipc_text_plain_copy(&k, s->resolver, sizeof(s->resolver)) != 0 ||
	    cur_u16(&k, &n) != 0 || (n != 0 && (!s->ok || rcode != 0)))
		return bad(e, "DNS answer");
	s->rcode = rcode;
	if (n > PROBE_RRS)
		return err_set(e, ERR_LIMIT, "the probe channel carried %u "
		    "DNS records; at most %d are allowed", (unsigned)n,
		    PROBE_RRS);
	for (i = 0; i < n; i++) {
		rr = &s->rr[i];
		if (ipc_text_plain(&k, &rr->owner, OWNER_MAX) != 0 ||
		    cur_u32(&k, &rr->ttl) != 0 ||
		    ipc_text_bytes(&k, &rr->rdata, RDATA_MAX) != 0)
			return bad(e, "DNS answer");
	}
	s->n = n;
	return cur_left(&k) == 0 ? 0 : bad(e, "DNS answer");
}
