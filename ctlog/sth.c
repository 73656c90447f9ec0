#include "ctlog/sth.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/limit.h"
#include "ctlog/jsn.h"
#include "ctlog/sig.h"

int
sth_url(const char *base, struct http_req *req)
{
	int	n;

	req->cap = LIMIT_BODY_HEAD;
	n = snprintf(req->url, sizeof(req->url), "%sct/v1/get-sth", base);
	return n < 0 || (size_t)n >= sizeof(req->url) ? -1 : 0;
}

int
sth_read_json(struct span body, struct sth *out, struct err *e)
{
	struct buf	 sig = BUF_INIT;
	json_t		*o;
	int		 rc = -1;

	memset(out, 0, sizeof(*out));
	if ((o = jsn_object(body, "get-sth", e)) == NULL)
		return -1;
	if (jsn_u64(o, "tree_size", &out->tree_size, e) == -1 ||
	    jsn_u64(o, "timestamp", &out->timestamp, e) == -1 ||
	    jsn_b64_to(o, "sha256_root_hash", out->root, 32, e) == -1 ||
	    jsn_b64(o, "tree_head_signature", &sig, e) == -1) {
		(void)err_prefix(e, "get-sth (RFC 6962 4.3)");
		goto out;
	}
	if (sig.n > sizeof(out->sig)) {
		(void)err_set(e, ERR_LIMIT, "get-sth: tree_head_signature "
		    "has %zu bytes, at most %zu are read", sig.n,
		    sizeof(out->sig));
		goto out;
	}
	if (sig.n > 0)
		memcpy(out->sig, sig.p, sig.n);
	out->nsig = sig.n;
	rc = 0;
out:
	buf_free(&sig);
	json_decref(o);
	return rc;
}

void
sth_signed(const struct sth *s, uint8_t out[STH_SIGNED])
{
	int	i;

	out[0] = 0;	/* v1 */
	out[1] = 1;	/* tree_hash */
	for (i = 0; i < 8; i++) {
		out[2 + i] = (uint8_t)(s->timestamp >> (56 - 8 * i));
		out[10 + i] = (uint8_t)(s->tree_size >> (56 - 8 * i));
	}
	memcpy(out + 18, s->root, 32);
}

int
sth_verify(const struct sth *s, struct span spki, struct err *e)
{
	struct cur	c = cur_of(s->sig, s->nsig);
	struct span	sig;
	uint8_t		text[STH_SIGNED], hash_alg, sig_alg;

	sth_signed(s, text);
	if (sig_read(&c, &hash_alg, &sig_alg, &sig, e) == -1 ||
	    sig_verify(spki, hash_alg, sig_alg, sig,
	    (struct span){ text, sizeof(text) }, e) == -1)
		return err_prefix(e, "tree head of size %llu (RFC 6962 3.5)",
		    (unsigned long long)s->tree_size);
	return 0;
}
