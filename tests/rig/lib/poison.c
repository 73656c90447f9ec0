#include <stdlib.h>
#include <string.h>

#include "tests/rig/lib/der.h"
#include "tests/rig/lib/poison.h"

enum { CERT_MAX = 0xffffff, DEEP = 200000 };

/* Bytes that are no DER, with the name in the middle. */
static void
garbage(struct buf *b, const char *name, size_t n)
{
	uint32_t x = 1;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i == n / 2 && strlen(name) < n - i) {
			buf_str(b, name);
			i += strlen(name);
		}
		x = x * 1103515245u + 12345u;
		buf_u8(b, (uint8_t)(x >> 16));
	}
	b->n = n;
}

/*
 * SEQUENCE in SEQUENCE, ${n} times, a name at the bottom, built from the end
 * (lengths of four bytes, so that each level costs six).
 */
static void
deep(struct buf *b, const char *name, size_t n)
{
	struct buf in = BUF_INIT;
	size_t i;

	der_put(&in, 0x82, name, strlen(name));
	for (i = 0; i < n; i++) {
		buf_u8(b, DER_SEQ);
		buf_u8(b, 0x84);
		buf_u32(b, (uint32_t)((n - 1 - i) * 6 + in.n));
	}
	buf_add(b, in.p, in.n);
	buf_free(&in);
}

int
poison_add(struct rlog *lg, const char *what, const char *name, int64_t n,
    struct err *e)
{
	struct leaf l = { rlog_now(), 0, { 0 }, { NULL, 0 }, rlog_next(lg) };
	struct buf cert = BUF_INIT;
	struct entry ent;
	int rc = 0;

	memset(&ent, 0, sizeof(ent));
	if (n > CERT_MAX)
		n = CERT_MAX;
	if (strcmp(what, "huge") == 0)
		garbage(&cert, name, n < 0 ? CERT_MAX : (size_t)n);
	else if (strcmp(what, "deep") == 0)
		deep(&cert, name, n < 0 ? DEEP : (size_t)n);
	else if (strcmp(what, "empty") != 0)
		garbage(&cert, name, n < 0 ? 700 : (size_t)n);
	if (strcmp(what, "unknown_type") == 0)
		l.type = 2;
	l.cert = buf_bytes(&cert);
	entry_leaf(&l, &ent.leaf);
	if (strcmp(what, "trailing") == 0)
		buf_str(&ent.leaf, "trailing");
	else if (strcmp(what, "bad_version") == 0)
		ent.leaf.p[0] = 1;
	else if (strcmp(what, "bad_chain") == 0) {
		ent.has_raw = 1;
		buf_str(&ent.raw, "\xff\xff\xffno chain");
	} else if (strcmp(what, "unknown_type") != 0 &&
	    strcmp(what, "garbage") != 0 && strcmp(what, "huge") != 0 &&
	    strcmp(what, "deep") != 0 && strcmp(what, "empty") != 0)
		rc = err_set(e, ERR_USAGE, "what=%s: no such poison "
		    "(README.md)", what);
	if (rc == 0) {
		(void)rlog_append(lg, &ent);
		rlog_done(lg);
	}
	entry_free(&ent);
	buf_free(&cert);
	return rc;
}
