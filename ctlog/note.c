#include "ctlog/note.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"
#include "ctlog/sig.h"

#define DASH "\xe2\x80\x94 "	/* U+2014 and a space */

/* What a signature line must have to be ours. */
struct ours {
	struct span	origin;
	struct span	spki;
	uint8_t		id[4];
};

int
note_url(const char *base, struct http_req *req)
{
	int	n;

	req->cap = LIMIT_BODY_HEAD;
	n = snprintf(req->url, sizeof(req->url), "%scheckpoint", base);
	return n < 0 || (size_t)n >= sizeof(req->url) ? -1 : 0;
}

int
note_origin(const char *url, char out[NOTE_ORIGIN_MAX])
{
	const char	*p = strstr(url, "://");
	size_t		 n;

	p = p == NULL ? url : p + 3;
	n = strlen(p);
	while (n > 0 && p[n - 1] == '/')
		n--;
	if (n == 0 || n >= NOTE_ORIGIN_MAX)
		return -1;
	memcpy(out, p, n);
	out[n] = '\0';
	return 0;
}

static int
same(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The next line, without its newline; -1 when there is none that ends. */
static int
line(struct cur *c, struct span *out)
{
	const uint8_t	*nl;

	if (cur_left(c) == 0 ||
	    (nl = memchr(c->p, '\n', cur_left(c))) == NULL)
		return -1;
	out->p = c->p;
	out->n = (size_t)(nl - c->p);
	c->p = nl + 1;
	return 0;
}

/* A decimal number below 2^63 without leading zeros. */
static int
decimal(struct span s, uint64_t *out)
{
	uint64_t	v = 0;
	size_t		i;

	if (s.n == 0 || s.n > 19 || (s.p[0] == '0' && s.n > 1))
		return -1;
	for (i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	if (v >> 63 != 0)
		return -1;
	*out = v;
	return 0;
}

/* SHA-256(name || 0x0A || 0x05 || log id), first four bytes. */
static void
key_id(struct ours *o)
{
	struct sha_ctx	ctx;
	uint8_t		h[SHA_LEN];

	sha_256(h, o->spki.p, o->spki.n);
	sha_init(&ctx);
	sha_update(&ctx, o->origin.p, o->origin.n);
	sha_update(&ctx, "\n\x05", 2);
	sha_update(&ctx, h, sizeof(h));
	sha_final(&ctx, h);
	memcpy(o->id, h, sizeof(o->id));
}

/* Origin, size and root; nothing may follow but the blank line. */
static int
head(struct cur *c, const struct ours *o, struct sth *out, struct err *e)
{
	struct span	l;
	struct buf	b = BUF_INIT;
	int		ok;

	/* a page of some front-end is no word of the log */
	if (memmem(c->p, cur_left(c), "\n\n\xe2\x80\x94 ", 6) == NULL)
		return err_set(e, ERR_FORMAT, "checkpoint: no signature lines "
		    "(signed-note)");
	if (line(c, &l) == -1 || !same(l, o->origin))
		return err_set(e, ERR_VERIFY, "checkpoint: the origin line "
		    "must be \"%.*s\" (static-ct-api, Checkpoints)",
		    (int)o->origin.n, (const char *)o->origin.p);
	if (line(c, &l) == -1 || decimal(l, &out->tree_size) == -1)
		return err_set(e, ERR_FORMAT, "checkpoint: the second line "
		    "must be the tree size in decimal (tlog-checkpoint)");
	ok = line(c, &l) == 0 &&
	    enc_unb64((const char *)l.p, l.n, &b) == 0 && b.n == SHA_LEN;
	if (ok)
		memcpy(out->root, b.p, SHA_LEN);
	buf_free(&b);
	if (!ok)
		return err_set(e, ERR_FORMAT, "checkpoint: the third line "
		    "must be a root hash of 32 bytes in base64 "
		    "(tlog-checkpoint)");
	if (line(c, &l) == -1 || l.n != 0)
		return err_set(e, ERR_FORMAT, "checkpoint: a blank line must "
		    "follow the root hash, extension lines are not allowed "
		    "(static-ct-api, Checkpoints)");
	return 0;
}

/* The parts of "DASH name SP base64"; the blob is appended to ${blob}. */
static int
signature(struct span l, struct span *name, struct buf *blob)
{
	const uint8_t	*sp;
	const size_t	 dash = sizeof(DASH) - 1;

	if (l.n < dash || memcmp(l.p, DASH, dash) != 0)
		return -1;
	l.p += dash;
	l.n -= dash;
	if ((sp = memchr(l.p, ' ', l.n)) == NULL || sp == l.p)
		return -1;
	name->p = l.p;
	name->n = (size_t)(sp - l.p);
	return enc_unb64((const char *)sp + 1, l.n - name->n - 1, blob) == -1
	    || blob->n < 5 ? -1 : 0;
}

/* Check one of our signatures: the blob behind the key id. */
static int
verify(struct span blob, const struct ours *o, struct sth *out,
    struct err *e)
{
	struct cur	c = cur_span(blob);

	if (cur_u64(&c, &out->timestamp) == -1 ||
	    out->timestamp >> 63 != 0 || cur_left(&c) > sizeof(out->sig))
		return err_set(e, ERR_FORMAT, "checkpoint: the log's "
		    "signature has no RFC6962NoteSignature (static-ct-api)");
	out->nsig = cur_left(&c);
	(void)cur_copy(&c, out->sig, out->nsig);
	return sth_verify(out, o->spki, e);
}

static int
signatures(struct cur *c, const struct ours *o, struct sth *out,
    struct err *e)
{
	struct sth	 one = *out;
	struct span	 l, name;
	struct buf	 blob = BUF_INIT;
	unsigned	 n, good = 0;
	int		 rc = -1;

	for (n = 1; cur_left(c) > 0; n++) {
		if (n > LIMIT_NOTE_SIGS) {
			(void)err_set(e, ERR_LIMIT, "checkpoint: more than "
			    "%u signatures", LIMIT_NOTE_SIGS);
			goto out;
		}
		buf_reset(&blob);
		if (line(c, &l) == -1 || signature(l, &name, &blob) == -1) {
			(void)err_set(e, ERR_FORMAT, "checkpoint: signature "
			    "line %u must be a dash (U+2014), a name and "
			    "base64 (signed-note)", n);
			goto out;
		}
		if (!same(name, o->origin) ||
		    memcmp(blob.p, o->id, sizeof(o->id)) != 0)
			continue;
		if (verify((struct span){ blob.p + 4, blob.n - 4 }, o, &one,
		    e) == -1) {
			(void)err_prefix(e, "checkpoint: signature line %u",
			    n);
			goto out;
		}
		if (good++ == 0)
			*out = one;
	}
	if (good == 0)
		(void)err_set(e, ERR_VERIFY, "checkpoint: no signature by "
		    "the log's key (static-ct-api, Checkpoints)");
	else
		rc = 0;
out:
	buf_free(&blob);
	return rc;
}

int
note_read(struct span body, const char *origin, struct span spki,
    struct sth *out, struct err *e)
{
	struct cur	c;
	struct ours	o = { SPAN_STR(origin), spki, { 0 } };

	memset(out, 0, sizeof(*out));
	if (spki.n == 0)
		return err_set(e, ERR_FORMAT,
		    "checkpoint: no key to check it with");
	if (body.n == 0 || body.n > LIMIT_BODY_HEAD)
		return err_set(e, ERR_LIMIT, "checkpoint: %zu bytes, must "
		    "have 1 to %u", body.n, LIMIT_BODY_HEAD);
	c = cur_span(body);
	key_id(&o);
	if (head(&c, &o, out, e) == -1 || signatures(&c, &o, out, e) == -1) {
		memset(out, 0, sizeof(*out));
		return -1;
	}
	return 0;
}
