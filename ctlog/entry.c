#include "ctlog/entry.h"

#include <string.h>

#define EXT_LEAF_INDEX	0
#define EXT_TYPES	256

int
entry_extensions(struct span ext, int64_t *leaf_index, struct err *e)
{
	struct cur	c, v;
	uint64_t	index;
	int64_t		found = -1;
	uint8_t		type, seen[EXT_TYPES / 8] = { 0 };

	*leaf_index = -1;
	if (ext.n == 0)
		return 0;
	c = cur_span(ext);
	while (cur_left(&c) > 0) {
		if (cur_u8(&c, &type) == -1 || cur_vec16(&c, &v) == -1)
			return err_set(e, ERR_FORMAT, "extensions: cut short "
			    "(static-ct-api, SCT Extension)");
		if (seen[type / 8] & 1u << type % 8)
			return err_set(e, ERR_FORMAT, "extensions: type %u "
			    "comes twice (static-ct-api, SCT Extension)",
			    type);
		seen[type / 8] |= (uint8_t)(1u << type % 8);
		if (type != EXT_LEAF_INDEX)
			continue;
		if (cur_u40(&v, &index) == -1 || cur_left(&v) != 0)
			return err_set(e, ERR_FORMAT, "extensions: leaf_index "
			    "must have 5 bytes (static-ct-api, "
			    "SCT Extension)");
		found = (int64_t)index;
	}
	*leaf_index = found;
	return 0;
}

int
entry_read_timestamped(struct cur *c, struct entry *out, struct err *e)
{
	struct cur	d = *c, v, x;

	memset(out, 0, sizeof(*out));
	out->leaf_index = -1;
	if (cur_u64(&d, &out->timestamp) == -1 ||
	    cur_u16(&d, &out->type) == -1)
		return err_set(e, ERR_FORMAT,
		    "entry: cut short before its type (RFC 6962 3.4)");
	if (out->timestamp >> 63 != 0)
		return err_set(e, ERR_FORMAT,
		    "entry: timestamp beyond 2^63 ms (RFC 6962 3.4)");
	if (out->type != ENTRY_X509 && out->type != ENTRY_PRECERT)
		return err_set(e, ERR_FORMAT, "entry: unknown type %u, must "
		    "be 0 (x509) or 1 (precert) (RFC 6962 3.1)", out->type);
	if (out->type == ENTRY_PRECERT &&
	    cur_copy(&d, out->issuer_key_hash, 32) == -1)
		return err_set(e, ERR_FORMAT, "entry: cut short in "
		    "issuer_key_hash (RFC 6962 3.2)");
	if (cur_vec24(&d, &v) == -1)
		return err_set(e, ERR_FORMAT,
		    "entry: cut short in its certificate (RFC 6962 3.1)");
	if (cur_left(&v) == 0)
		return err_set(e, ERR_FORMAT,
		    "entry: empty certificate (RFC 6962 3.1)");
	out->cert = cur_rest(&v);
	if (cur_vec16(&d, &x) == -1)
		return err_set(e, ERR_FORMAT,
		    "entry: cut short in its extensions (RFC 6962 3.4)");
	out->ext = cur_rest(&x);
	if (entry_extensions(out->ext, &out->leaf_index, e) == -1)
		return err_prefix(e, "entry");
	*c = d;
	return 0;
}

int
entry_read(struct span leaf, struct entry *out, struct err *e)
{
	struct cur	c = { NULL, NULL };
	uint8_t		version, type;

	if (leaf.n > 0)
		c = cur_span(leaf);
	if (cur_u8(&c, &version) == -1 || cur_u8(&c, &type) == -1)
		return err_set(e, ERR_FORMAT,
		    "leaf: cut short in its header (RFC 6962 3.4)");
	if (version != 0 || type != 0)
		return err_set(e, ERR_FORMAT, "leaf: version %u and type %u, "
		    "must be 0 and 0 (RFC 6962 3.4)", version, type);
	if (entry_read_timestamped(&c, out, e) == -1)
		return -1;
	if (cur_left(&c) != 0)
		return err_set(e, ERR_FORMAT, "leaf: %zu bytes too many "
		    "(RFC 6962 3.4)", cur_left(&c));
	return 0;
}

void
entry_put(struct buf *b, const struct entry *en)
{
	buf_u16(b, 0);		/* version and leaf type */
	buf_u64(b, en->timestamp);
	buf_u16(b, en->type);
	if (en->type == ENTRY_PRECERT)
		buf_add(b, en->issuer_key_hash, 32);
	buf_u24(b, (uint32_t)en->cert.n);
	buf_span(b, en->cert);
	buf_u16(b, (uint16_t)en->ext.n);
	buf_span(b, en->ext);
}

int
entry_extra(struct span extra, uint16_t type, struct span *precert,
    struct span *chain, size_t max, size_t *nchain, struct err *e)
{
	struct cur	c = { NULL, NULL }, v, one;

	*precert = (struct span){ NULL, 0 };
	*nchain = 0;
	if (extra.n > 0)
		c = cur_span(extra);
	if (type == ENTRY_PRECERT) {
		if (cur_vec24(&c, &one) == -1 || cur_left(&one) == 0)
			return err_set(e, ERR_FORMAT, "extra_data: no "
			    "precertificate (RFC 6962 4.6)");
		*precert = cur_rest(&one);
	} else if (type != ENTRY_X509)
		return err_set(e, ERR_FORMAT, "extra_data: unknown entry "
		    "type %u (RFC 6962 3.1)", type);
	if (cur_vec24(&c, &v) == -1)
		return err_set(e, ERR_FORMAT,
		    "extra_data: cut short in the chain (RFC 6962 4.6)");
	if (cur_left(&c) != 0)
		return err_set(e, ERR_FORMAT, "extra_data: %zu bytes too "
		    "many (RFC 6962 4.6)", cur_left(&c));
	while (cur_left(&v) > 0) {
		if (cur_vec24(&v, &one) == -1 || cur_left(&one) == 0)
			return err_set(e, ERR_FORMAT, "extra_data: "
			    "certificate %zu of the chain is cut short or "
			    "empty (RFC 6962 4.6)", *nchain + 1);
		if (*nchain >= max)
			return err_set(e, ERR_LIMIT, "extra_data: more than "
			    "%zu certificates in the chain", max);
		chain[(*nchain)++] = cur_rest(&one);
	}
	return 0;
}
