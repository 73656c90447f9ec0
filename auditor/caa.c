#include "auditor/caa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limit.h"
#include "base/mem.h"

void
caa_free(struct caa_set *s)
{
	free(s->v);
	memset(s, 0, sizeof(*s));
}

/* --- records --- */

/*
 * Printable ASCII: a backslash is doubled, every other byte \xNN, so that
 * what was there can be told.  0, or -1 when it does not fit (it is cut).
 */
static int
clean(struct span in, char *out, size_t cap)
{
	char	one[5];
	size_t	i, n = 0, k;

	for (i = 0; i < in.n; i++) {
		if (in.p[i] == '\\')
			(void)snprintf(one, sizeof(one), "\\\\");
		else if (in.p[i] >= ' ' && in.p[i] <= '~')
			(void)snprintf(one, sizeof(one), "%c", in.p[i]);
		else
			(void)snprintf(one, sizeof(one), "\\x%02x", in.p[i]);
		k = strlen(one);
		if (n + k >= cap)
			break;
		memcpy(out + n, one, k);
		n += k;
	}
	out[n] = '\0';
	return i == in.n ? 0 : -1;
}

/*
 * A tag in lower case.  One that does not fit is none that we know: it is cut
 * and marked.  -1: empty, or not of letters and digits (RFC 8659 4.1).
 */
static int
tag_of(struct span in, char *out, size_t cap)
{
	size_t	i;
	char	c;

	for (i = 0; i < in.n; i++) {
		c = (char)in.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			return -1;
		if (i < cap - 1)
			out[i] = c;
	}
	if (in.n == 0)
		return -1;
	if (in.n >= cap)
		out[cap - 2] = '~';
	out[in.n < cap ? in.n : cap - 1] = '\0';
	return 0;
}

static int
order(const struct caa_rr *a, const struct caa_rr *b)
{
	int	r = strcmp(a->tag, b->tag);

	if (r == 0)
		r = strcmp(a->value, b->value);
	return r != 0 ? r : a->flags - b->flags;
}

/* Put the record where it belongs; the same one twice is one. */
static void
insert(struct caa_set *s, const struct caa_rr *rr)
{
	size_t	i;

	for (i = 0; i < s->n && order(&s->v[i], rr) < 0; i++)
		;
	if (i < s->n && order(&s->v[i], rr) == 0)
		return;
	/* Room for all that are kept, and one that stands for the rest. */
	if (s->v == NULL)
		s->v = mem_array(LIMIT_CAA + 1, sizeof(s->v[0]));
	memmove(s->v + i + 1, s->v + i, (s->n - i) * sizeof(s->v[0]));
	s->v[i] = *rr;
	s->n++;
}

int
caa_add(struct caa_set *s, struct span rdata, struct err *e)
{
	struct caa_rr	rr;
	struct cur	c = { NULL, NULL }, tag;
	int		rc = 0;

	memset(&rr, 0, sizeof(rr));
	if (s->n >= LIMIT_CAA) {
		if (s->n == LIMIT_CAA) {
			(void)snprintf(rr.value, sizeof(rr.value),
			    "more than %u records", LIMIT_CAA);
			insert(s, &rr);
		}
		return err_set(e, ERR_LIMIT, "CAA: more than %u records",
		    LIMIT_CAA);
	}
	if (rdata.n > 0)
		c = cur_span(rdata);
	if (cur_u8(&c, &rr.flags) == -1 || cur_vec8(&c, &tag) == -1)
		rc = err_set(e, ERR_FORMAT, "CAA: a record of %zu bytes is "
		    "cut short (RFC 8659 4.1)", rdata.n);
	else if (tag_of(cur_rest(&tag), rr.tag, sizeof(rr.tag)) == -1)
		rc = err_set(e, ERR_FORMAT, "CAA: a tag must be of letters "
		    "and digits (RFC 8659 4.1)");
	else if (clean(cur_rest(&c), rr.value, sizeof(rr.value)) == -1)
		rc = err_set(e, ERR_FORMAT, "CAA: a value of %zu bytes is "
		    "too long to be read", cur_left(&c));
	if (rc == -1) {
		/* What it says cannot be known: shown, never judged by. */
		rr.tag[0] = '\0';
		(void)clean(rdata, rr.value, sizeof(rr.value));
	}
	insert(s, &rr);
	return rc;
}

const char *
caa_parent(const char *name)
{
	const char	*dot = strchr(name, '.');

	return dot == NULL || dot[1] == '\0' ? NULL : dot + 1;
}

char *
caa_text(const struct caa_set *s)
{
	struct buf	b = BUF_INIT;
	const char	*p;
	size_t		i, n;

	for (i = 0; i < s->n; i++) {
		buf_fmt(&b, "%u %s \"", s->v[i].flags, s->v[i].tag);
		for (p = s->v[i].value; *p != '\0'; p++) {
			if (*p == '"')
				buf_u8(&b, '\\');
			buf_u8(&b, (uint8_t)*p);
		}
		buf_str(&b, "\"\n");
	}
	if (b.n == 0)
		return mem_str("");
	return (char *)buf_detach(&b, &n);
}

/* --- JSON --- */

json_t *
caa_json(const struct caa_set *s)
{
	json_t	*a = json_array();
	size_t	 i;

	for (i = 0; i < s->n; i++)
		(void)json_array_append_new(a, json_pack("{s:i,s:s,s:s}",
		    "flags", s->v[i].flags, "tag", s->v[i].tag, "value",
		    s->v[i].value));
	return a;
}

/* A text of printable ASCII that fits: 0 or -1. */
static int
get_text(const json_t *o, const char *key, char *out, size_t cap)
{
	const char	*s = json_string_value(json_object_get(o, key)), *p;

	if (s == NULL || strlen(s) >= cap)
		return -1;
	for (p = s; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return -1;
	(void)snprintf(out, cap, "%s", s);
	return 0;
}

int
caa_from_json(const json_t *a, struct caa_set *s)
{
	struct caa_rr	 rr;
	const json_t	*o, *flags;
	json_int_t	 f;
	size_t		 i;

	memset(s, 0, sizeof(*s));
	if (!json_is_array(a) || json_array_size(a) > LIMIT_CAA + 1)
		return -1;
	for (i = 0; i < json_array_size(a); i++) {
		o = json_array_get(a, i);
		memset(&rr, 0, sizeof(rr));
		flags = json_object_get(o, "flags");
		f = json_integer_value(flags);
		if (!json_is_integer(flags) || f < 0 || f > 255 ||
		    get_text(o, "tag", rr.tag, sizeof(rr.tag)) == -1 ||
		    get_text(o, "value", rr.value, sizeof(rr.value)) == -1) {
			caa_free(s);
			return -1;
		}
		rr.flags = (uint8_t)f;
		insert(s, &rr);
	}
	return 0;
}
