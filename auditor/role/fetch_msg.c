/* The messages of the fetch process, declared in fetch.h. */
#include <string.h>

#include "auditor/ipc_text.h"
#include "auditor/role/fetch.h"
#include "base/err.h"
#include "base/http.h"

#define DAY_MS	(24u * 3600 * 1000)

static const char *const failures[] = {
	[FETCH_OK]		= "ok",
	[FETCH_RESOLVE]		= "resolve",
	[FETCH_CONNECT]		= "connect",
	[FETCH_TLS]		= "tls",
	[FETCH_TIMEOUT]		= "timeout",
	[FETCH_POLICY]		= "policy",
	[FETCH_TOO_LARGE]	= "too_large",
	[FETCH_PROTOCOL]	= "protocol",
	[FETCH_CANCELLED]	= "cancelled",
	[FETCH_NO_ROOM]		= "no_room",
	[FETCH_HEADERS]		= "headers",
};

_Static_assert(sizeof(failures) / sizeof(failures[0]) == FETCH_FAILURE_MAX,
    "every failure has a name");

const char *
fetch_failure_name(enum fetch_failure f)
{
	return f < FETCH_FAILURE_MAX ? failures[f] : "unknown";
}

static int
bad(struct err *e, const char *what)
{
	return err_set(e, ERR_FORMAT, "the fetch channel carried a %s that "
	    "is not well formed", what);
}

void
fetch_setup_pack(struct buf *b, const struct fetch_setup *s)
{
	size_t	i;

	ipc_text_put(b, s->user_agent);
	ipc_text_put(b, s->proxy);
	buf_vec32(b, s->ca_pem.p, s->ca_pem.n);
	buf_u8(b, (uint8_t)s->class);
	buf_u64(b, s->max_rate);
	buf_u32(b, s->host_conns);
	buf_u16(b, (uint16_t)s->nallow);
	for (i = 0; i < s->nallow; i++)
		ipc_text_put(b, s->allow[i]);
}

int
fetch_setup_read(struct cur k, struct fetch_setup *s, struct err *e)
{
	uint16_t	n;
	uint8_t		class;
	size_t		i;

	memset(s, 0, sizeof(*s));
	if (ipc_text(&k, &s->user_agent, 512) != 0 ||
	    ipc_text(&k, &s->proxy, HTTP_URL_MAX) != 0 ||
	    ipc_text_bytes(&k, &s->ca_pem, LIMIT_CA_PEM) != 0 ||
	    cur_u8(&k, &class) != 0 || class >= EGRESS_CLASS_MAX ||
	    cur_u64(&k, &s->max_rate) != 0 ||
	    s->max_rate > INT64_MAX / 16 ||
	    cur_u32(&k, &s->host_conns) != 0 || s->host_conns > 1024 ||
	    cur_u16(&k, &n) != 0 || n > LIMIT_EGRESS_NETS)
		return bad(e, "setup");
	s->class = (enum egress_class)class;
	for (i = 0; i < n; i++)
		if (ipc_text(&k, &s->allow[i], 64) != 0)
			return bad(e, "setup");
	s->nallow = n;
	return cur_left(&k) == 0 ? 0 : bad(e, "setup");
}

void
fetch_get_pack(struct buf *b, const struct fetch_get *g)
{
	size_t	i;

	buf_u64(b, g->id);
	buf_u32(b, g->arena);
	buf_u32(b, g->cap);
	buf_u32(b, g->timeout_ms);
	buf_u32(b, g->slow_ms);
	buf_u32(b, g->slow_bytes);
	buf_u32(b, g->flags);
	ipc_text_put(b, g->method);
	ipc_text_put(b, g->url);
	ipc_text_put(b, g->source != NULL ? g->source : "");
	buf_u32(b, g->tag);
	buf_u32(b, g->party);
	buf_u16(b, (uint16_t)g->nheaders);
	for (i = 0; i < g->nheaders; i++)
		ipc_text_put(b, g->headers[i]);
	buf_vec32(b, g->body.p, g->body.n);
}

/* The largest body that may be asked for. */
static uint32_t
most_of(const struct fetch_get *g)
{
	if ((g->flags & FETCH_F_PIPE) != 0)
		return LIMIT_CRL;
	return g->arena == 0 ? LIMIT_BODY_INLINE : LIMIT_ARENA;
}

int
fetch_get_read(struct cur k, struct fetch_get *g, struct err *e)
{
	uint16_t	n;
	size_t		i;

	memset(g, 0, sizeof(*g));
	if (cur_u64(&k, &g->id) != 0 || g->id == 0 ||
	    cur_u32(&k, &g->arena) != 0 || cur_u32(&k, &g->cap) != 0 ||
	    cur_u32(&k, &g->timeout_ms) != 0 ||
	    cur_u32(&k, &g->slow_ms) != 0 ||
	    cur_u32(&k, &g->slow_bytes) != 0 ||
	    cur_u32(&k, &g->flags) != 0 || ipc_text(&k, &g->method, 16) != 0 ||
	    ipc_text(&k, &g->url, HTTP_URL_MAX) != 0 ||
	    ipc_text(&k, &g->source, LIMIT_SOURCE_TEXT) != 0 ||
	    cur_u32(&k, &g->tag) != 0 || cur_u32(&k, &g->party) != 0 ||
	    cur_u16(&k, &n) != 0 || n > LIMIT_HTTP_HEADERS)
		return bad(e, "request");
	if (g->cap > most_of(g) || g->timeout_ms > DAY_MS ||
	    g->slow_ms > DAY_MS || g->slow_bytes > INT32_MAX ||
	    ((g->flags & FETCH_F_PIPE) != 0 && g->arena != 0))
		return bad(e, "request");
	for (i = 0; i < n; i++)
		if (ipc_text(&k, &g->headers[i], LIMIT_HTTP_HEADER + 1) != 0)
			return bad(e, "request");
	g->nheaders = n;
	if (ipc_text_bytes(&k, &g->body, LIMIT_HTTP_BODY) != 0 ||
	    cur_left(&k) != 0)
		return bad(e, "request");
	return 0;
}

void
fetch_done_pack(struct buf *b, const struct fetch_done *d)
{
	buf_u64(b, d->id);
	buf_u32(b, d->tag);
	buf_u8(b, (uint8_t)d->failure);
	buf_u16(b, d->status);
	ipc_text_put(b, d->message);
	ipc_text_put(b, d->date);
	ipc_text_put(b, d->retry_after);
	ipc_text_put(b, d->etag);
	ipc_text_put(b, d->last_modified);
	ipc_text_put(b, d->type);
	ipc_text_put(b, d->encoding);
	ipc_text_put(b, d->location);
	ipc_text_put(b, d->nonce);
	ipc_text_put(b, d->links);
	ipc_text_put(b, d->url);
	ipc_text_put(b, d->addr);
	buf_u32(b, d->arena);
	buf_u64(b, d->offset);
	buf_u32(b, d->length);
	buf_vec32(b, d->body.p, d->body.n);
	buf_u64(b, d->wire);
	buf_u64(b, d->us);
}

int
fetch_done_read(struct cur k, struct fetch_done *d, struct err *e)
{
	uint8_t	failure;

	memset(d, 0, sizeof(*d));
	if (cur_u64(&k, &d->id) != 0 || cur_u32(&k, &d->tag) != 0 ||
	    cur_u8(&k, &failure) != 0 ||
	    failure >= FETCH_FAILURE_MAX || cur_u16(&k, &d->status) != 0 ||
	    d->status > 999 || (d->status == 0) == (failure == FETCH_OK))
		return bad(e, "answer");
	d->failure = (enum fetch_failure)failure;
	if (ipc_text_copy(&k, d->message, sizeof(d->message)) != 0 ||
	    ipc_text_copy(&k, d->date, sizeof(d->date)) != 0 ||
	    ipc_text_copy(&k, d->retry_after, sizeof(d->retry_after)) != 0 ||
	    ipc_text_copy(&k, d->etag, sizeof(d->etag)) != 0 ||
	    ipc_text_copy(&k, d->last_modified, sizeof(d->last_modified))
	    != 0 ||
	    ipc_text_copy(&k, d->type, sizeof(d->type)) != 0 ||
	    ipc_text_copy(&k, d->encoding, sizeof(d->encoding)) != 0 ||
	    ipc_text_copy(&k, d->location, sizeof(d->location)) != 0 ||
	    ipc_text_copy(&k, d->nonce, sizeof(d->nonce)) != 0 ||
	    ipc_text_copy(&k, d->links, sizeof(d->links)) != 0 ||
	    ipc_text_copy(&k, d->url, sizeof(d->url)) != 0 ||
	    ipc_text_copy(&k, d->addr, sizeof(d->addr)) != 0)
		return bad(e, "answer");
	if (cur_u32(&k, &d->arena) != 0 || cur_u64(&k, &d->offset) != 0 ||
	    cur_u32(&k, &d->length) != 0 ||
	    ipc_text_bytes(&k, &d->body, LIMIT_BODY_INLINE) != 0 ||
	    (d->arena == 0 && (d->length != 0 || d->offset != 0)) ||
	    (d->arena != 0 && d->body.n != 0) ||
	    cur_u64(&k, &d->wire) != 0 || cur_u64(&k, &d->us) != 0 ||
	    cur_left(&k) != 0)
		return bad(e, "answer");
	return 0;
}
