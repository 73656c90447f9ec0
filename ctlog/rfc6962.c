#include "ctlog/rfc6962.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/limit.h"
#include "ctlog/jsn.h"

/* base || formatted rest; -1 when the URL does not fit. */
static int __attribute__((format(printf, 4, 5)))
request(struct http_req *req, size_t cap, const char *base,
    const char *fmt, ...)
{
	va_list	ap;
	size_t	n = strlen(base);
	int	k;

	req->cap = cap;
	if (n >= sizeof(req->url))
		return -1;
	memcpy(req->url, base, n);
	va_start(ap, fmt);
	k = vsnprintf(req->url + n, sizeof(req->url) - n, fmt, ap);
	va_end(ap);
	return k < 0 || (size_t)k >= sizeof(req->url) - n ? -1 : 0;
}

int
rfc6962_entries(const char *base, uint64_t start, uint64_t end,
    struct http_req *req)
{
	if (start > end)
		return -1;
	return request(req, LIMIT_BODY_ENTRIES, base,
	    "ct/v1/get-entries?start=%" PRIu64 "&end=%" PRIu64, start, end);
}

int
rfc6962_consistency(const char *base, uint64_t first, uint64_t second,
    struct http_req *req)
{
	if (first == 0 || first >= second)
		return -1;
	return request(req, LIMIT_BODY_HEAD, base,
	    "ct/v1/get-sth-consistency?first=%" PRIu64 "&second=%" PRIu64,
	    first, second);
}

int
rfc6962_inclusion(const char *base, const uint8_t hash[32], uint64_t size,
    struct http_req *req)
{
	struct buf	b64 = BUF_INIT, esc = BUF_INIT;
	size_t		i;
	int		rc;

	enc_b64(&b64, hash, 32);
	for (i = 0; i < b64.n; i++)
		if (b64.p[i] == '+' || b64.p[i] == '/' || b64.p[i] == '=')
			buf_fmt(&esc, "%%%02X", b64.p[i]);
		else
			buf_u8(&esc, b64.p[i]);
	rc = request(req, LIMIT_BODY_HEAD, base,
	    "ct/v1/get-proof-by-hash?hash=%s&tree_size=%" PRIu64,
	    buf_text(&esc), size);
	buf_free(&b64);
	buf_free(&esc);
	return rc;
}

int
rfc6962_entry(const char *base, uint64_t index, uint64_t size,
    struct http_req *req)
{
	if (index >= size)
		return -1;
	return request(req, LIMIT_BODY_ENTRY, base,
	    "ct/v1/get-entry-and-proof?leaf_index=%" PRIu64 "&tree_size=%"
	    PRIu64, index, size);
}

int
rfc6962_read_consistency(struct span body, struct rfc6962_proof *out,
    struct err *e)
{
	json_t	*o;
	int	 rc;

	memset(out, 0, sizeof(*out));
	if ((o = jsn_object(body, "get-sth-consistency", e)) == NULL)
		return -1;
	rc = jsn_hashes(o, "consistency", out->path, MERKLE_PROOF, &out->n,
	    e);
	json_decref(o);
	return rc == -1 ?
	    err_prefix(e, "get-sth-consistency (RFC 6962 4.4)") : 0;
}

int
rfc6962_read_inclusion(struct span body, struct rfc6962_proof *out,
    struct err *e)
{
	json_t	*o;
	int	 rc = -1;

	memset(out, 0, sizeof(*out));
	if ((o = jsn_object(body, "get-proof-by-hash", e)) == NULL)
		return -1;
	if (jsn_u64(o, "leaf_index", &out->leaf_index, e) == 0)
		rc = jsn_hashes(o, "audit_path", out->path, MERKLE_PROOF,
		    &out->n, e);
	json_decref(o);
	return rc == -1 ?
	    err_prefix(e, "get-proof-by-hash (RFC 6962 4.5)") : 0;
}

int
rfc6962_read_entry(struct span body, struct buf *leaf, struct buf *extra,
    struct rfc6962_proof *out, struct err *e)
{
	json_t	*o;
	int	 rc = -1;

	memset(out, 0, sizeof(*out));
	if ((o = jsn_object(body, "get-entry-and-proof", e)) == NULL)
		return -1;
	if (jsn_b64(o, "leaf_input", leaf, e) == 0 &&
	    jsn_b64(o, "extra_data", extra, e) == 0)
		rc = jsn_hashes(o, "audit_path", out->path, MERKLE_PROOF,
		    &out->n, e);
	json_decref(o);
	return rc == -1 ?
	    err_prefix(e, "get-entry-and-proof (RFC 6962 4.8)") : 0;
}
