#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "tests/rig/lib/args.h"

/* key=value of a JSON scalar, percent-encoded throughout. */
static void
put_arg(struct buf *b, const char *key, json_t *v)
{
	char number[32];
	const char *s = json_string_value(v);

	if (json_is_integer(v)) {
		(void)snprintf(number, sizeof(number), "%lld",
		    (long long)json_integer_value(v));
		s = number;
	} else if (json_is_boolean(v))
		s = json_is_true(v) ? "1" : "0";
	if (s == NULL)
		return;
	buf_fmt(b, "&%s=", key);
	for (; *s != '\0'; s++)
		buf_fmt(b, "%%%02x", (unsigned char)*s);
}

void
args_of(const struct web_req *r, struct buf *out)
{
	json_t *js = r->body.n == 0 ? NULL : json_loadb(buf_text(&r->body),
	    r->body.n, 0, NULL), *v;
	const char *key;

	buf_str(out, r->query);
	if (js == NULL && r->body.n > 0)
		buf_fmt(out, "&%s", buf_text(&r->body));
	json_object_foreach(js, key, v)
		put_arg(out, key, v);
	json_decref(js);
}

char *
args_text(const char *args, const char *key)
{
	struct buf b = BUF_INIT;
	char *s;

	if (web_arg(args, key, &b) == -1)
		return NULL;
	s = mem_str(buf_text(&b));
	buf_free(&b);
	return s;
}

void
args_copy(const char *args, const char *key, char *out, size_t n)
{
	char *s = args_text(args, key);

	if (s != NULL)
		(void)snprintf(out, n, "%s", s);
	free(s);
}

int64_t
args_number(const char *args, const char *key, int64_t other)
{
	char *s = args_text(args, key), *end;
	int64_t v = other;

	if (s != NULL && *s != '\0') {
		v = strtoll(s, &end, 10);
		if (*end != '\0')
			v = other;
	}
	free(s);
	return v;
}
