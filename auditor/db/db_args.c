#include "auditor/db/db_args.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/db.h"
#include "auditor/db/db_res.h"
#include "base/buf.h"

/* Types of the server's catalogue (pg_type.dat), which never change. */
#define OID_BOOL		16
#define OID_BYTEA		17
#define OID_INT8		20
#define OID_TEXT		25
#define OID_FLOAT8		701
#define OID_BYTEA_ARRAY		1001
#define OID_TEXT_ARRAY		1009
#define OID_INT8_ARRAY		1016
#define OID_TIMESTAMPTZ		1184
#define OID_TIMESTAMPTZ_ARRAY	1185

static void
put_u64(uint8_t out[8], uint64_t v)
{
	int	i;

	for (i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (56 - 8 * i));
}

/* A parameter of eight bytes or fewer, kept in num. */
static void
fixed(struct db_args *a, Oid type, uint64_t v, int len)
{
	put_u64(a->num[a->n], v);
	a->type[a->n] = type;
	a->value[a->n] = (const char *)a->num[a->n] + (8 - len);
	a->len[a->n] = len;
	a->form[a->n] = 1;
}

static void
real(struct db_args *a, double d)
{
	uint64_t	v;

	memcpy(&v, &d, sizeof(v));
	fixed(a, OID_FLOAT8, v, 8);
}

static int
bytes(struct db_args *a, const struct span *s, struct err *e)
{
	static const char	none = '\0';

	a->type[a->n] = OID_BYTEA;
	a->form[a->n] = 1;
	if (s == NULL || s->p == NULL)
		return 0;
	if (s->n > INT_MAX)
		return err_set(e, ERR_DB, "parameter %d: %zu bytes are more "
		    "than the server takes", a->n + 1, s->n);
	a->value[a->n] = s->n == 0 ? &none : (const char *)s->p;
	a->len[a->n] = (int)s->n;
	return 0;
}

/* Microseconds since 1970 to those since 2000. */
static int
moment(struct db_args *a, int64_t us, struct err *e)
{
	a->type[a->n] = OID_TIMESTAMPTZ;
	if (us == INT64_MIN)
		return 0;
	if (us < INT64_MIN + 1 + DB_RES_EPOCH)
		return err_set(e, ERR_DB, "parameter %d: a time before the "
		    "calendar", a->n + 1);
	fixed(a, OID_TIMESTAMPTZ, (uint64_t)(us - DB_RES_EPOCH), 8);
	return 0;
}

/* The head of a one-dimensional array in binary form; 0 dimensions: empty. */
static void
array_head(struct buf *b, size_t n, Oid element)
{
	buf_u32(b, n == 0 ? 0 : 1);
	buf_u32(b, 0);
	buf_u32(b, element);
	if (n == 0)
		return;
	buf_u32(b, (uint32_t)n);
	buf_u32(b, 1);
}

static void
array_item(struct buf *b, const void *p, size_t n)
{
	if (p == NULL)
		buf_u32(b, UINT32_MAX);
	else
		buf_vec32(b, p, n);
}

static int
array_done(struct db_args *a, struct buf *b, Oid type, struct err *e)
{
	size_t	n = b->n;

	a->type[a->n] = type;
	a->form[a->n] = 1;
	if (n > INT_MAX) {
		buf_free(b);
		return err_set(e, ERR_DB, "parameter %d: %zu bytes are more "
		    "than the server takes", a->n + 1, n);
	}
	a->own[a->n] = buf_detach(b, &n);
	a->value[a->n] = a->own[a->n];
	a->len[a->n] = (int)n;
	return 0;
}

void
db_strs_text(struct buf *b, const struct db_strs *s)
{
	const char	*p;
	size_t		 i;

	buf_str(b, "{");
	for (i = 0; i < s->n; i++) {
		buf_str(b, i > 0 ? ",\"" : "\"");
		for (p = s->v[i]; *p != '\0'; p++) {
			if (*p == '"' || *p == '\\')
				buf_u8(b, '\\');
			buf_u8(b, (uint8_t)*p);
		}
		buf_str(b, "\"");
	}
	buf_str(b, "}");
}

static int
texts(struct db_args *a, const struct db_strs *s, struct err *e)
{
	struct buf	 b = BUF_INIT;
	size_t		 i;

	if (s == NULL) {
		a->type[a->n] = OID_TEXT_ARRAY;
		return 0;
	}
	array_head(&b, s->n, OID_TEXT);
	for (i = 0; i < s->n; i++)
		array_item(&b, s->v[i],
		    s->v[i] == NULL ? 0 : strlen(s->v[i]));
	return array_done(a, &b, OID_TEXT_ARRAY, e);
}

static int
spans(struct db_args *a, const struct db_spans *s, struct err *e)
{
	struct buf	 b = BUF_INIT;
	size_t		 i;

	if (s == NULL) {
		a->type[a->n] = OID_BYTEA_ARRAY;
		return 0;
	}
	array_head(&b, s->n, OID_BYTEA);
	for (i = 0; i < s->n; i++)
		array_item(&b, s->v[i].p, s->v[i].n);
	return array_done(a, &b, OID_BYTEA_ARRAY, e);
}

static int
numbers(struct db_args *a, const struct db_ints *s, struct err *e)
{
	struct buf	 b = BUF_INIT;
	size_t		 i;

	array_head(&b, s->n, OID_INT8);
	for (i = 0; i < s->n; i++) {
		buf_u32(&b, 8);
		buf_u64(&b, (uint64_t)s->v[i]);
	}
	return array_done(a, &b, OID_INT8_ARRAY, e);
}

static int
moments(struct db_args *a, const struct db_ints *s, struct err *e)
{
	struct buf	 b = BUF_INIT;
	size_t		 i;

	array_head(&b, s->n, OID_TIMESTAMPTZ);
	for (i = 0; i < s->n; i++) {
		if (s->v[i] == INT64_MIN) {
			buf_u32(&b, UINT32_MAX);
			continue;
		}
		if (s->v[i] < INT64_MIN + 1 + DB_RES_EPOCH) {
			buf_free(&b);
			return err_set(e, ERR_DB, "parameter %d: a time "
			    "before the calendar", a->n + 1);
		}
		buf_u32(&b, 8);
		buf_u64(&b, (uint64_t)(s->v[i] - DB_RES_EPOCH));
	}
	return array_done(a, &b, OID_TIMESTAMPTZ_ARRAY, e);
}

int
db_args_read(struct db_args *a, const char *types, va_list ap, struct err *e)
{
	int	r = 0;

	memset(a, 0, sizeof(*a));
	for (; *types != '\0' && r == 0; types++, a->n++) {
		if (a->n == LIMIT_DB_PARAMS)
			return err_set(e, ERR_DB, "more than %d parameters",
			    LIMIT_DB_PARAMS);
		switch (*types) {
		case 'i':
			fixed(a, OID_INT8, (uint64_t)va_arg(ap, int64_t), 8);
			break;
		case 'f':
			real(a, va_arg(ap, double));
			break;
		case 'B':
			fixed(a, OID_BOOL, va_arg(ap, int) != 0, 1);
			break;
		case 's':
			a->value[a->n] = va_arg(ap, const char *);
			break;
		case 'b':
			r = bytes(a, va_arg(ap, const struct span *), e);
			break;
		case 't':
			r = moment(a, va_arg(ap, int64_t), e);
			break;
		case 'a':
			r = texts(a, va_arg(ap, const struct db_strs *), e);
			break;
		case 'A':
			r = spans(a, va_arg(ap, const struct db_spans *), e);
			break;
		case 'I':
			r = numbers(a, va_arg(ap, const struct db_ints *), e);
			break;
		case 'T':
			r = moments(a, va_arg(ap, const struct db_ints *), e);
			break;
		default:
			return err_set(e, ERR_DB,
			    "'%c' is no type of a parameter", *types);
		}
	}
	return r;
}

void
db_args_free(struct db_args *a)
{
	int	i;

	for (i = 0; i < LIMIT_DB_PARAMS; i++)
		free(a->own[i]);
}
