#include "auditor/evidence_json.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/evidence.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/cert.h"

static json_t *
coded(void (*enc)(struct buf *, const void *, size_t), const void *p, size_t n)
{
	struct buf	 b = BUF_INIT;
	json_t		*v;

	enc(&b, p, n);
	v = json_string(buf_text(&b));
	buf_free(&b);
	return v;
}

json_t *
evidence_b64(const void *p, size_t n)
{
	return coded(enc_b64, p, n);
}

json_t *
evidence_hex(const void *p, size_t n)
{
	return coded(enc_hex, p, n);
}

char *
evidence_clean(const char *s)
{
	struct buf	b = BUF_INIT;
	const uint8_t	*p;
	size_t		 n;

	for (p = (const uint8_t *)s; *p != '\0'; p++)
		if (*p >= 0x20 && *p < 0x7f && *p != '\\')
			buf_u8(&b, *p);
		else
			buf_fmt(&b, "\\x%02x", *p);
	if (b.p == NULL)
		return mem_str("");
	return (char *)buf_detach(&b, &n);
}

json_t *
evidence_text(const char *s)
{
	char	*c = evidence_clean(s);
	json_t	*v = json_string(c);

	free(c);
	return v;
}

json_t *
evidence_nodes(struct span s)
{
	json_t	*a = json_array();
	size_t	 i;

	for (i = 0; i + 32 <= s.n; i += 32)
		json_array_append_new(a, evidence_b64(s.p + i, 32));
	return a;
}

void
evidence_leaf_hash(struct span leaf, uint8_t out[32])
{
	static const uint8_t	prefix[1] = { 0 };

	sha_leaves((uint8_t (*)[32])out, &leaf, 1, prefix, 1);
}

/* RFC 9162 2.1.3.2, which gives the root instead of comparing it. */
int
evidence_path_root(const uint8_t leaf[32], uint64_t index, uint64_t size,
    struct span path, uint8_t root[32])
{
	uint64_t	fn = index, sn = size - 1;
	size_t		i;

	if (size == 0 || index >= size || path.n % 32 != 0)
		return -1;
	memcpy(root, leaf, 32);
	for (i = 0; i < path.n; i += 32) {
		if (sn == 0)
			return -1;
		if ((fn & 1) != 0 || fn == sn) {
			sha_node(root, path.p + i, root);
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			sha_node(root, root, path.p + i);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 ? 0 : -1;
}

/* One line of a note, without its end: 0 or -1. */
static int
line(struct cur *c, struct span *out)
{
	const uint8_t	*nl;

	nl = memchr(c->p, '\n', cur_left(c));
	if (nl == NULL)
		return -1;
	out->p = c->p;
	out->n = (size_t)(nl - c->p);
	c->p = nl + 1;
	return 0;
}

/* The timestamp of the signature of type 0x05 whose name is the origin. */
static uint64_t
note_time(struct cur c, struct span origin)
{
	static const uint8_t	 dash[] = { 0xe2, 0x80, 0x94, ' ' };
	struct buf		 b = BUF_INIT;
	struct span		 s;
	struct cur		 sig;
	uint64_t		 ms = 0;
	size_t			 at = sizeof(dash) + origin.n + 1;

	while (line(&c, &s) == 0) {
		if (s.n <= at || memcmp(s.p, dash, sizeof(dash)) != 0 ||
		    memcmp(s.p + sizeof(dash), origin.p, origin.n) != 0 ||
		    s.p[at - 1] != ' ')
			continue;
		buf_reset(&b);
		if (enc_unb64((const char *)s.p + at, s.n - at, &b) == -1)
			continue;
		/* key id, timestamp, DigitallySigned */
		sig = cur_span(buf_bytes(&b));
		if (b.n > 16 && cur_skip(&sig, 4) == 0 &&
		    cur_u64(&sig, &ms) == 0 && ms >> 50 == 0)
			break;
		ms = 0;
	}
	buf_free(&b);
	return ms;
}

static int
note_parse(struct span raw, struct sth *out, struct span *origin,
    struct err *e)
{
	struct buf	 b = BUF_INIT;
	struct cur	 c = cur_span(raw);
	struct span	 size, root, s;
	size_t		 i;
	int		 rc = -1;

	if (line(&c, origin) == -1 || line(&c, &size) == -1 ||
	    line(&c, &root) == -1 || origin->n == 0 || size.n == 0 ||
	    size.n > 18 || (size.p[0] == '0' && size.n > 1) ||
	    enc_unb64((const char *)root.p, root.n, &b) == -1 || b.n != 32)
		goto bad;
	for (i = 0; i < size.n; i++) {
		if (size.p[i] < '0' || size.p[i] > '9')
			goto bad;
		out->tree_size = out->tree_size * 10 + size.p[i] - '0';
	}
	memcpy(out->root, b.p, 32);
	/* extension lines, then an empty one, then signatures */
	do
		if (line(&c, &s) == -1)
			goto bad;
	while (s.n != 0);
	out->timestamp = note_time(c, *origin);
	rc = 0;
bad:
	if (rc == -1)
		(void)err_set(e, ERR_FORMAT, "is no checkpoint "
		    "(C2SP tlog-checkpoint)");
	buf_free(&b);
	return rc;
}

int
evidence_head_read(const char *form, struct span raw, struct sth *out,
    struct span *origin, struct err *e)
{
	struct span	o = { NULL, 0 };
	int		rc;

	memset(out, 0, sizeof(*out));
	if (strcmp(form, "checkpoint") == 0)
		rc = note_parse(raw, out, &o, e);
	else
		rc = sth_read_json(raw, out, e);
	if (origin != NULL)
		*origin = o;
	return rc;
}

/* The TBS of an issuance: of a precertificate as in its leaf. */
static int
tbs_of(const struct cert *c, const char *form, struct span der,
    const struct span *chain, size_t n, uint8_t out[32], struct err *e)
{
	struct buf	b = BUF_INIT;
	int		rc = 0;

	memcpy(out, c->tbs_sha256, 32);
	if (strcmp(form, "precert") == 0 && n != 0) {
		rc = cert_precert_tbs(der, chain, n, &b, NULL, e);
		if (rc == 0)
			sha_256(out, b.p, b.n);
		buf_free(&b);
	}
	return rc;
}

json_t *
evidence_describe(const char *form, struct span der,
    const struct span *chain, size_t n, struct err *e)
{
	struct cert	 c;
	json_t		*o = NULL, *a;
	uint8_t		 tbs[32], key[32];
	size_t		 i;
	char		 t[CLK_TEXT];

	if (strcmp(form, "x509") != 0 && strcmp(form, "precert") != 0) {
		(void)err_set(e, ERR_FORMAT, "`form` is neither x509 nor "
		    "precert");
		return NULL;
	}
	memset(&c, 0, sizeof(c));
	if (cert_read(der, &c, e) == -1 ||
	    tbs_of(&c, form, der, chain, n, tbs, e) == -1)
		goto out;
	if (c.is_precert != (strcmp(form, "precert") == 0)) {
		(void)err_set(e, ERR_FORMAT, "is no %s (RFC 6962 3.1)", form);
		goto out;
	}
	if (n != 0 && cert_key_hash(chain[0], key, e) == -1)
		goto out;
	o = json_object();
	json_object_set_new(o, "form", json_string(form));
	json_object_set_new(o, "der", evidence_b64(der.p, der.n));
	json_object_set_new(o, "tbs_sha256", evidence_hex(tbs, 32));
	json_object_set_new(o, "cert_sha256",
	    evidence_hex(c.cert_sha256, 32));
	json_object_set_new(o, "spki_sha256",
	    evidence_hex(c.spki_sha256, 32));
	if (n != 0)
		json_object_set_new(o, "issuer_spki_sha256",
		    evidence_hex(key, 32));
	a = json_array();
	for (i = 0; i < n; i++) {
		sha_256(key, chain[i].p, chain[i].n);
		json_array_append_new(a, evidence_hex(key, 32));
	}
	json_object_set_new(o, "chain_sha256", a);
	json_object_set_new(o, "serial", json_string(c.serial));
	json_object_set_new(o, "subject", evidence_text(c.subject));
	json_object_set_new(o, "issuer", evidence_text(c.issuer));
	a = json_array();
	for (i = 0; i < c.nnames; i++)
		json_array_append_new(a, evidence_text(c.names[i]));
	json_object_set_new(o, "names", a);
	json_object_set_new(o, "not_before",
	    json_string(clk_text(c.not_before, t)));
	json_object_set_new(o, "not_after",
	    json_string(clk_text(c.not_after, t)));
out:
	cert_free(&c);
	return o;
}

/* RFC 8785: there are no fractions and no control characters. */
static int
hash(const json_t *o, uint8_t out[32])
{
	char	*text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);

	if (text == NULL)
		return -1;
	sha_256(out, text, strlen(text));
	free(text);
	return 0;
}

void
evidence_hash(const json_t *o, uint8_t out[32])
{
	if (hash(o, out) == -1)
		memset(out, 0, 32);
}

char *
evidence_sealed(const json_t *file)
{
	json_t	*o = json_copy((json_t *)(uintptr_t)file);
	char	*seal = NULL, hex[65];
	uint8_t	 digest[32];

	(void)json_object_del(o, "seal");
	if (hash(o, digest) == 0)
		seal = mem_printf("{\"sha256\":\"%s\",\"type\":\"%s\"}",
		    enc_hex_to(hex, digest, 32), EVIDENCE_SEAL);
	json_decref(o);
	return seal;
}
