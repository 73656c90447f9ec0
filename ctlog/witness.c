#include "ctlog/witness.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"

#define DASH	"\xe2\x80\x94 "	/* U+2014 and a space */
#define TYPE	0x04		/* timestamped Ed25519 cosignature */
/* Key id, time, signature. */
#define BLOB	(4 + 8 + 64)

int
witness_make(struct witness *w, const char *name, const uint8_t key[32],
    struct err *e)
{
	struct sha_ctx	ctx;
	uint8_t		h[SHA_LEN];
	size_t		n = strlen(name), i;

	memset(w, 0, sizeof(*w));
	for (i = 0; i < n; i++)
		if ((uint8_t)name[i] <= ' ' || name[i] == '+' ||
		    name[i] == 0x7f)
			break;
	if (n == 0 || n >= sizeof(w->name) || i < n)
		return err_set(e, ERR_FORMAT, "the name of a key has 1 to %d "
		    "bytes without space and plus (signed-note)",
		    WITNESS_NAME_MAX - 1);
	memcpy(w->name, name, n + 1);
	memcpy(w->key, key, sizeof(w->key));
	sha_init(&ctx);
	sha_update(&ctx, name, n);
	sha_update(&ctx, "\n\x04", 2);
	sha_update(&ctx, key, 32);
	sha_final(&ctx, h);
	memcpy(w->id, h, sizeof(w->id));
	return 0;
}

int
witness_read(const char *vkey, struct witness *w, struct err *e)
{
	struct buf	 b = BUF_INIT;
	char		 name[WITNESS_NAME_MAX], hex[9];
	const char	*plus = strchr(vkey, '+');
	int		 rc = -1;

	if (plus == NULL || (size_t)(plus - vkey) >= sizeof(name) ||
	    strlen(plus + 1) < 10 || plus[9] != '+' ||
	    enc_unb64(plus + 10, strlen(plus + 10), &b) == -1) {
		buf_free(&b);
		return err_set(e, ERR_FORMAT, "`%.80s` is no verifier key; "
		    "write NAME+HASH+KEY as its operator publishes it "
		    "(signed-note)", vkey);
	}
	memcpy(name, vkey, (size_t)(plus - vkey));
	name[plus - vkey] = '\0';
	if (b.n == 0 || b.p[0] != TYPE)
		(void)err_set(e, ERR_FORMAT, "the key of %.80s is of type "
		    "0x%02x; only Ed25519 cosignatures, 0x04, can be checked",
		    name, b.n == 0 ? 0u : (unsigned)b.p[0]);
	else if (b.n != 33)
		(void)err_set(e, ERR_FORMAT, "the key of %.80s has %zu bytes, "
		    "must have 32 (tlog-cosignature)", name, b.n - 1);
	else
		rc = witness_make(w, name, b.p + 1, e);
	buf_free(&b);
	if (rc == 0 && memcmp(enc_hex_to(hex, w->id, 4), plus + 1, 8) != 0)
		rc = err_set(e, ERR_FORMAT, "the hash of the key of %.80s is "
		    "%s, not %.8s: one of them is mistyped", name, hex,
		    plus + 1);
	return rc;
}

/* Check one signature of it: time and 64 bytes. */
static int
verify(struct span text, const struct witness *w, struct span blob,
    uint64_t *at)
{
	struct cur	 c = cur_span(blob);
	struct buf	 m = BUF_INIT;
	EVP_PKEY	*key;
	EVP_MD_CTX	*ctx;
	uint64_t	 t;
	int		 ok = 0;

	if (cur_u64(&c, &t) == -1 || t >> 63 != 0 || cur_left(&c) != 64)
		return 0;
	buf_fmt(&m, "cosignature/v1\ntime %llu\n", (unsigned long long)t);
	buf_span(&m, text);
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, w->key,
	    sizeof(w->key));
	ctx = EVP_MD_CTX_new();
	if (key != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL,
	    NULL, key) == 1)
		ok = EVP_DigestVerify(ctx, c.p, 64, m.p, m.n) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	buf_free(&m);
	if (ok)
		*at = t;
	return ok;
}

/* Is the line "DASH name SP base64" of this witness?  The blob behind it. */
static int
is_line_of(struct span l, const struct witness *w, struct buf *blob)
{
	const size_t	dash = sizeof(DASH) - 1, n = strlen(w->name);

	buf_reset(blob);
	return l.n > dash + n + 1 && memcmp(l.p, DASH, dash) == 0 &&
	    memcmp(l.p + dash, w->name, n) == 0 && l.p[dash + n] == ' ' &&
	    enc_unb64((const char *)l.p + dash + n + 1, l.n - dash - n - 1,
	    blob) == 0 && blob->n >= 4 && memcmp(blob->p, w->id, 4) == 0;
}

enum witness_verdict
witness_check(struct span note, const struct witness *w, uint64_t *at)
{
	const uint8_t		*blank, *p, *nl, *end = note.p + note.n;
	struct buf		 blob = BUF_INIT;
	enum witness_verdict	 v = WITNESS_NONE;
	struct span		 text, l;
	unsigned		 lines = 0;

	blank = memmem(note.p, note.n, "\n\n", 2);
	if (blank == NULL)
		return WITNESS_NONE;
	text = (struct span){ note.p, (size_t)(blank - note.p) + 1 };
	for (p = blank + 2; p < end && lines++ < LIMIT_NOTE_SIGS &&
	    v != WITNESS_GOOD; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			break;
		l = (struct span){ p, (size_t)(nl - p) };
		if (is_line_of(l, w, &blob))
			v = blob.n == BLOB && verify(text, w, (struct span){
			    blob.p + 4, blob.n - 4 }, at) ? WITNESS_GOOD :
			    WITNESS_BAD;
	}
	buf_free(&blob);
	return v;
}
