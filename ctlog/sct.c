#include "ctlog/sct.h"

#include <string.h>

#include "base/buf.h"
#include "ctlog/sig.h"

#define TAG_OCTET_STRING 0x04

int
sct_read(struct span in, struct sct *out, struct err *e)
{
	struct cur	c = { NULL, NULL }, v;
	uint8_t		version;

	memset(out, 0, sizeof(*out));
	out->leaf_index = -1;
	if (in.n > 0)
		c = cur_span(in);
	if (cur_u8(&c, &version) == -1)
		return err_set(e, ERR_FORMAT, "SCT: empty (RFC 6962 3.2)");
	if (version != 0)
		return err_set(e, ERR_FORMAT, "SCT: version %u, must be 0 "
		    "(v1, RFC 6962 3.2)", version);
	if (cur_copy(&c, out->log_id, 32) == -1 ||
	    cur_u64(&c, &out->timestamp) == -1 || cur_vec16(&c, &v) == -1)
		return err_set(e, ERR_FORMAT,
		    "SCT: cut short (RFC 6962 3.2)");
	if (out->timestamp >> 63 != 0)
		return err_set(e, ERR_FORMAT,
		    "SCT: timestamp beyond 2^63 ms (RFC 6962 3.2)");
	out->ext = cur_rest(&v);
	if (sig_read(&c, &out->hash_alg, &out->sig_alg, &out->sig,
	    e) == -1)
		return err_prefix(e, "SCT (RFC 6962 3.2)");
	/*
	 * Extensions of logs that are not of static-ct-api may hold anything:
	 * what cannot be read has no leaf index, but is signed.
	 */
	(void)entry_extensions(out->ext, &out->leaf_index, NULL);
	return 0;
}

int
sct_list(struct span in, struct span *out, size_t max, size_t *n,
    struct err *e)
{
	struct cur	c = { NULL, NULL }, v, one;

	*n = 0;
	if (in.n > 0)
		c = cur_span(in);
	if (cur_vec16(&c, &v) == -1)
		return err_set(e, ERR_FORMAT,
		    "SCT list: cut short (RFC 6962 3.3)");
	if (cur_left(&c) != 0)
		return err_set(e, ERR_FORMAT,
		    "SCT list: %zu bytes too many (RFC 6962 3.3)",
		    cur_left(&c));
	if (cur_left(&v) == 0)
		return err_set(e, ERR_FORMAT,
		    "SCT list: empty, must hold an SCT (RFC 6962 3.3)");
	while (cur_left(&v) > 0) {
		if (cur_vec16(&v, &one) == -1 || cur_left(&one) == 0)
			return err_set(e, ERR_FORMAT, "SCT list: SCT %zu is "
			    "cut short or empty (RFC 6962 3.3)", *n + 1);
		if (*n >= max)
			return err_set(e, ERR_LIMIT,
			    "SCT list: more than %zu SCTs", max);
		out[(*n)++] = cur_rest(&one);
	}
	return 0;
}

int
sct_unwrap(struct span in, struct span *list, struct err *e)
{
	struct cur	c = { NULL, NULL };
	uint16_t	len16;
	uint8_t		tag, len8;
	size_t		len;

	if (in.n > 0)
		c = cur_span(in);
	if (cur_u8(&c, &tag) == -1 || tag != TAG_OCTET_STRING ||
	    cur_u8(&c, &len8) == -1)
		goto bad;
	len = len8;
	if (len8 == 0x81) {
		if (cur_u8(&c, &len8) == -1 || len8 < 0x80)
			goto bad;
		len = len8;
	} else if (len8 == 0x82) {
		if (cur_u16(&c, &len16) == -1 || len16 < 0x100)
			goto bad;
		len = len16;
	} else if (len8 >= 0x80)
		goto bad;
	if (len != cur_left(&c))
		goto bad;
	*list = cur_rest(&c);
	return 0;
bad:
	return err_set(e, ERR_FORMAT, "SCT extension: must be a DER OCTET "
	    "STRING inside extnValue (RFC 6962 3.3)");
}

int
sct_verify(const struct sct *s, const struct entry *subject,
    struct span spki, struct err *e)
{
	struct entry	en = *subject;
	struct buf	b = BUF_INIT;
	int		rc;

	if (en.cert.n >= 1u << 24)
		return err_set(e, ERR_FORMAT, "SCT: the certificate has "
		    "%zu bytes, at most 2^24-1 can be signed "
		    "(RFC 6962 3.2)", en.cert.n);
	en.timestamp = s->timestamp;
	en.ext = s->ext;
	entry_put(&b, &en);
	rc = sig_verify(spki, s->hash_alg, s->sig_alg, s->sig, buf_bytes(&b),
	    e);
	buf_free(&b);
	return rc == -1 ? err_prefix(e, "SCT (RFC 6962 3.2)") : 0;
}
