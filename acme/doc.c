#include "acme/doc.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/mem.h"

json_t *
doc_object(struct span body, size_t cap, const char *what, struct err *e)
{
	json_error_t	 je;
	json_t		*root;

	if (body.n > cap) {
		(void)err_set(e, ERR_LIMIT, "%s: %zu bytes, at most %zu make "
		    "sense", what, body.n, cap);
		return NULL;
	}
	if (body.n == 0) {
		(void)err_set(e, ERR_FORMAT, "%s: empty", what);
		return NULL;
	}
	root = json_loadb((const char *)body.p, body.n,
	    JSON_REJECT_DUPLICATES, &je);
	if (root == NULL) {
		(void)err_set(e, ERR_FORMAT,
		    "%s: no JSON (RFC 8259) at byte %d", what, je.position);
		return NULL;
	}
	if (!json_is_object(root)) {
		(void)err_set(e, ERR_FORMAT, "%s: JSON, but no object", what);
		json_decref(root);
		return NULL;
	}
	return root;
}

/* The member, NULL when it is absent or null. */
static const json_t *
member(const json_t *o, const char *key)
{
	const json_t	*v = json_object_get(o, key);

	return v == NULL || json_is_null(v) ? NULL : v;
}

int
doc_text(const json_t *o, const char *key, size_t cap, const char **out,
    struct err *e)
{
	const json_t	*v = member(o, key);

	*out = NULL;
	if (v == NULL)
		return 0;
	if (!json_is_string(v))
		return err_set(e, ERR_FORMAT, "%s: must be a string", key);
	if (json_string_length(v) > cap)
		return err_set(e, ERR_LIMIT, "%s: %zu bytes, at most %zu "
		    "make sense", key, json_string_length(v), cap);
	*out = json_string_value(v);
	return 0;
}

int
doc_need(const json_t *o, const char *key, size_t cap, const char **out,
    struct err *e)
{
	if (doc_text(o, key, cap, out, e) == -1)
		return -1;
	if (*out == NULL || **out == '\0')
		return err_set(e, ERR_FORMAT, "%s: is missing", key);
	return 0;
}

int
doc_bool(const json_t *o, const char *key, int *out, struct err *e)
{
	const json_t	*v = member(o, key);

	*out = 0;
	if (v == NULL)
		return 0;
	if (!json_is_boolean(v))
		return err_set(e, ERR_FORMAT, "%s: must be true or false",
		    key);
	*out = json_is_true(v);
	return 0;
}

int
doc_int(const json_t *o, const char *key, const int64_t range[2],
    int64_t *out, struct err *e)
{
	const json_t	*v = member(o, key);

	*out = range[0];
	if (v == NULL)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < range[0] ||
	    json_integer_value(v) > range[1])
		return err_set(e, ERR_FORMAT, "%s: must be an integer from "
		    "%lld to %lld", key, (long long)range[0],
		    (long long)range[1]);
	*out = json_integer_value(v);
	return 0;
}

int
doc_time(const json_t *o, const char *key, int64_t *out, struct err *e)
{
	const char	*text;

	*out = 0;
	if (doc_text(o, key, CLK_TEXT * 2, &text, e) == -1)
		return -1;
	if (text == NULL)
		return 0;
	if (clk_parse(text, out) == -1)
		return err_set(e, ERR_FORMAT, "%s: must be a time (RFC 3339)",
		    key);
	return 0;
}

int
doc_array(const json_t *o, const char *key, size_t max, const json_t **out,
    struct err *e)
{
	const json_t	*v = member(o, key);

	*out = NULL;
	if (v == NULL)
		return 0;
	if (!json_is_array(v))
		return err_set(e, ERR_FORMAT, "%s: must be an array", key);
	if (json_array_size(v) > max)
		return err_set(e, ERR_LIMIT, "%s: %zu items, at most %zu "
		    "make sense", key, json_array_size(v), max);
	*out = v;
	return 0;
}

int
doc_list(const json_t *o, const char *key, const size_t max_cap[2],
    struct doc_list *out, struct err *e)
{
	const json_t	*a, *v;
	size_t		 i;

	memset(out, 0, sizeof(*out));
	if (doc_array(o, key, max_cap[0], &a, e) == -1)
		return -1;
	if (a == NULL)
		return 0;
	out->v = mem_array(json_array_size(a), sizeof(out->v[0]));
	for (i = 0; i < json_array_size(a); i++) {
		v = json_array_get(a, i);
		if (!json_is_string(v)) {
			doc_list_free(out);
			return err_set(e, ERR_FORMAT, "%s: item %zu must be "
			    "a string", key, i);
		}
		if (json_string_length(v) > max_cap[1]) {
			doc_list_free(out);
			return err_set(e, ERR_LIMIT, "%s: item %zu has more "
			    "than %zu bytes", key, i, max_cap[1]);
		}
		out->v[out->n++] = mem_str(json_string_value(v));
	}
	return 0;
}

void
doc_list_free(struct doc_list *l)
{
	size_t	i;

	for (i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	memset(l, 0, sizeof(*l));
}

void
doc_keep(char **to, const char *text)
{
	char	*copy = mem_str(text);

	free(*to);
	*to = copy;
}

static int
put(const char *p, size_t n, void *arg)
{
	buf_add(arg, p, n);
	return 0;
}

void
doc_dump(const json_t *o, struct buf *b)
{
	(void)json_dump_callback(o, put, b, JSON_COMPACT | JSON_ENCODE_ANY);
}

char *
doc_end(json_t *o)
{
	struct buf	 b = BUF_INIT;
	char		*text;

	doc_dump(o, &b);
	json_decref(o);
	text = mem_str(buf_text(&b));
	buf_free(&b);
	return text;
}

int
doc_is_b64url(const char *s, size_t min, size_t max)
{
	size_t	n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
		    "uvwxyz0123456789-_");

	return s[n] == '\0' && n >= min && n <= max;
}
