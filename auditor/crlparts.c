#include "auditor/crlparts.h"

#include <string.h>

#include "base/limit.h"

#define VERSION	1

void
crlparts_of(const struct crlscan_out *o, const struct crlscan_hit *hit,
    struct crlparts *p)
{
	memset(p, 0, sizeof(*p));
	p->bytes = o->bytes;
	p->count = o->count;
	p->sha256 = o->tbs_sha256;
	p->digest = (struct span){ o->tbs_digest, o->ntbs_digest };
	p->header = buf_bytes(&o->header);
	if (hit != NULL)
		p->entry = hit->raw;
	p->tail = buf_bytes(&o->tail);
}

void
crlparts_pack(struct buf *b, const struct crlparts *p)
{
	buf_u8(b, VERSION);
	buf_u64(b, p->bytes);
	buf_u64(b, p->count);
	buf_add(b, p->sha256, 32);
	buf_u8(b, (uint8_t)p->digest.n);
	buf_span(b, p->digest);
	buf_vec32(b, p->header.p, p->header.n);
	buf_vec32(b, p->entry.p, p->entry.n);
	buf_vec32(b, p->tail.p, p->tail.n);
}

static int
part(struct cur *c, size_t max, struct span *out)
{
	struct cur	v;

	if (cur_vec32(c, &v) == -1 || cur_left(&v) > max)
		return -1;
	*out = cur_rest(&v);
	return 0;
}

int
crlparts_unpack(struct span raw, struct crlparts *p, struct err *e)
{
	struct cur	c = cur_span(raw);
	struct span	sha;
	uint8_t		version, n;

	memset(p, 0, sizeof(*p));
	if (cur_u8(&c, &version) == -1 || version != VERSION ||
	    cur_u64(&c, &p->bytes) == -1 || cur_u64(&c, &p->count) == -1 ||
	    cur_take(&c, 32, &sha) == -1 || cur_u8(&c, &n) == -1 ||
	    n > 64 || cur_take(&c, n, &p->digest) == -1 ||
	    part(&c, LIMIT_CRL_HEADER, &p->header) == -1 ||
	    part(&c, LIMIT_CRL_ENTRY, &p->entry) == -1 ||
	    part(&c, LIMIT_CRL_TAIL, &p->tail) == -1 || cur_left(&c) != 0)
		return err_set(e, ERR_FORMAT, "stored parts of a CRL are not "
		    "in their form");
	p->sha256 = sha.p;
	return 0;
}
