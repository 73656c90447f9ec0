#include "ctlog/jsn.h"

#include <string.h>

#include "base/enc.h"

json_t *
jsn_object(struct span body, const char *what, struct err *e)
{
	json_error_t	 je;
	json_t		*root;

	root = json_loadb((const char *)body.p, body.n,
	    JSON_REJECT_DUPLICATES, &je);
	if (root == NULL) {
		(void)err_set(e, ERR_FORMAT,
		    "%s: no JSON (RFC 8259) at byte %d: %s", what,
		    je.position, je.text);
		return NULL;
	}
	if (!json_is_object(root)) {
		(void)err_set(e, ERR_FORMAT, "%s: JSON, but no object", what);
		json_decref(root);
		return NULL;
	}
	return root;
}

int
jsn_u64(const json_t *o, const char *key, uint64_t *out, struct err *e)
{
	const json_t	*v = json_object_get(o, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return err_set(e, ERR_FORMAT,
		    "%s: must be an integer from 0 to 2^63-1", key);
	*out = (uint64_t)json_integer_value(v);
	return 0;
}

int
jsn_b64(const json_t *o, const char *key, struct buf *out, struct err *e)
{
	const json_t	*v = json_object_get(o, key);

	if (!json_is_string(v) || enc_unb64(json_string_value(v),
	    json_string_length(v), out) == -1)
		return err_set(e, ERR_FORMAT,
		    "%s: must be a string of base64 (RFC 4648 4)", key);
	return 0;
}

/* Decode a string of exactly ${n} bytes. */
static int
exactly(const json_t *v, uint8_t *out, size_t n)
{
	struct buf	b = BUF_INIT;
	int		ok;

	ok = json_is_string(v) && enc_unb64(json_string_value(v),
	    json_string_length(v), &b) == 0 && b.n == n;
	if (ok)
		memcpy(out, b.p, n);
	buf_free(&b);
	return ok ? 0 : -1;
}

int
jsn_b64_to(const json_t *o, const char *key, uint8_t *out, size_t n,
    struct err *e)
{
	if (exactly(json_object_get(o, key), out, n) == -1)
		return err_set(e, ERR_FORMAT,
		    "%s: must be base64 of %zu bytes", key, n);
	return 0;
}

int
jsn_hashes(const json_t *o, const char *key, uint8_t (*out)[32], size_t max,
    size_t *n, struct err *e)
{
	const json_t	*a = json_object_get(o, key);
	size_t		 i;

	if (!json_is_array(a))
		return err_set(e, ERR_FORMAT,
		    "%s: must be an array of hashes", key);
	if (json_array_size(a) > max)
		return err_set(e, ERR_LIMIT,
		    "%s: %zu hashes, at most %zu make sense", key,
		    json_array_size(a), max);
	for (i = 0; i < json_array_size(a); i++)
		if (exactly(json_array_get(a, i), out[i], 32) == -1)
			return err_set(e, ERR_FORMAT,
			    "%s: hash %zu must be base64 of 32 bytes", key,
			    i);
	*n = i;
	return 0;
}
