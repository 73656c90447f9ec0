#include "auditor/db/db_res.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/db.h"
#include "base/clk.h"
#include "base/mem.h"

#define OID_BYTEA	17

struct db_res {
	PGresult	*pg;
	size_t		 rows;
	size_t		 cols;
	size_t		*len;	/* of decoded bytea values, or NULL */
};

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/*
 * Turn the text form of a bytea into its bytes, in place (they are fewer),
 * and return how many there are.
 */
static size_t
decode(char *s, size_t n)
{
	unsigned char	*p;
	size_t		 i, k = 0;
	int		 hi, lo;

	if (n >= 2 && s[0] == '\\' && s[1] == 'x') {
		for (i = 2; i + 1 < n; i += 2) {
			hi = nibble(s[i]);
			lo = nibble(s[i + 1]);
			if (hi < 0 || lo < 0)
				break;
			s[k++] = (char)(hi << 4 | lo);
		}
		s[k] = '\0';
		return k;
	}
	/* A server with bytea_output = escape. */
	p = PQunescapeBytea((unsigned char *)s, &k);
	if (p == NULL)
		return 0;
	memcpy(s, p, k < n ? k : n);
	PQfreemem(p);
	return k < n ? k : n;
}

/* A value of the result; libpq owns it and lets us write into it. */
static char *
value(const struct db_res *r, size_t row, size_t col)
{
	return PQgetvalue(r->pg, (int)row, (int)col);
}

struct db_res *
db_res_take(PGresult *pg)
{
	struct db_res	*r = mem_zero(sizeof(*r));
	size_t		 i, j;

	r->pg = pg;
	r->rows = (size_t)PQntuples(pg);
	r->cols = (size_t)PQnfields(pg);
	for (j = 0; j < r->cols; j++) {
		if (PQftype(pg, (int)j) != OID_BYTEA)
			continue;
		if (r->len == NULL)
			r->len = mem_array(r->rows * r->cols + 1,
			    sizeof(*r->len));
		for (i = 0; i < r->rows; i++)
			r->len[i * r->cols + j] = decode(value(r, i, j),
			    (size_t)PQgetlength(pg, (int)i, (int)j));
	}
	return r;
}

void
db_free(struct db_res *r)
{
	if (r == NULL)
		return;
	PQclear(r->pg);
	free(r->len);
	free(r);
}

size_t
db_rows(const struct db_res *r)
{
	return r == NULL ? 0 : r->rows;
}

int64_t
db_changed(const struct db_res *r)
{
	return r == NULL ? 0 : strtoll(PQcmdTuples(r->pg), NULL, 10);
}

int
db_null(const struct db_res *r, size_t row, size_t col)
{
	return r == NULL || row >= r->rows || col >= r->cols ||
	    PQgetisnull(r->pg, (int)row, (int)col) != 0;
}

const char *
db_text(const struct db_res *r, size_t row, size_t col)
{
	return db_null(r, row, col) ? "" : value(r, row, col);
}

int64_t
db_int(const struct db_res *r, size_t row, size_t col)
{
	return strtoll(db_text(r, row, col), NULL, 10);
}

double
db_real(const struct db_res *r, size_t row, size_t col)
{
	return strtod(db_text(r, row, col), NULL);
}

int
db_bool(const struct db_res *r, size_t row, size_t col)
{
	return db_text(r, row, col)[0] == 't';
}

struct span
db_bytes(const struct db_res *r, size_t row, size_t col)
{
	struct span	s = { NULL, 0 };

	if (db_null(r, row, col))
		return s;
	s.p = (const uint8_t *)value(r, row, col);
	if (PQftype(r->pg, (int)col) == OID_BYTEA)
		s.n = r->len[row * r->cols + col];
	else
		s.n = (size_t)PQgetlength(r->pg, (int)row, (int)col);
	return s;
}

/* --- times ------------------------------------------------------------- */

/* Read up to ${max} digits at *p and move on; -1 when there is none. */
static int64_t
digits(const char **p, int max)
{
	int64_t	v = 0;
	int	i;

	for (i = 0; i < max && isdigit((unsigned char)**p); i++, (*p)++)
		v = v * 10 + (**p - '0');
	return i == 0 ? -1 : v;
}

/* One separator and a number behind it; -1 when it is not there. */
static int64_t
next(const char **p, char sep)
{
	if (**p != sep)
		return -1;
	(*p)++;
	return digits(p, 2);
}

/* Days since 1970 of a date in the proleptic Gregorian calendar. */
static int64_t
days(int64_t y, int64_t m, int64_t d)
{
	int64_t	era, yoe, doy;

	if (m <= 2)
		y--;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* ".123456" as microseconds. */
static int64_t
fraction(const char **p)
{
	int64_t	v = 0, unit = CLK_SEC / 10;

	if (**p != '.')
		return 0;
	for ((*p)++; isdigit((unsigned char)**p); (*p)++, unit /= 10)
		v += (**p - '0') * unit;
	return v;
}

/* "+05:30" as seconds. */
static int64_t
offset(const char **p)
{
	int64_t	v, part;
	int	west = **p == '-';

	if (**p != '+' && **p != '-')
		return 0;
	(*p)++;
	v = digits(p, 2) * 3600;
	if ((part = next(p, ':')) > 0)
		v += part * 60;
	if ((part = next(p, ':')) > 0)
		v += part;
	return west ? -v : v;
}

int64_t
db_time(const struct db_res *r, size_t row, size_t col)
{
	const char	*p = db_text(r, row, col);
	int64_t		 y, m, d, s = 0, us = 0, part;

	if (strcmp(p, "infinity") == 0)
		return INT64_MAX;
	if (strcmp(p, "-infinity") == 0)
		return INT64_MIN + 1;
	y = digits(&p, 6);
	m = next(&p, '-');
	d = next(&p, '-');
	if (y < 0 || m < 1 || d < 1)
		return INT64_MIN;
	if (*p == ' ' && isdigit((unsigned char)p[1])) {
		p++;
		s = digits(&p, 2) * 3600;
		if ((part = next(&p, ':')) > 0)
			s += part * 60;
		if ((part = next(&p, ':')) > 0)
			s += part;
		us = fraction(&p);
		s -= offset(&p);
	}
	if (strcmp(p, " BC") == 0)
		y = 1 - y;
	return (days(y, m, d) * 86400 + s) * CLK_SEC + us;
}

/* --- arrays ------------------------------------------------------------- */

/*
 * Copy one element of "{a,"b \"c\"",NULL}" from *p to ${out}, which has room
 * for all of it, and return what lies behind it in ${out}.
 */
static char *
element(const char **p, char *out)
{
	int	quoted = **p == '"';

	if (!quoted && strncmp(*p, "NULL", 4) == 0 &&
	    ((*p)[4] == ',' || (*p)[4] == '}')) {
		*p += 4;
		*out++ = '\0';
		return out;
	}
	if (quoted)
		(*p)++;
	while (**p != '\0' && (quoted ? **p != '"' :
	    **p != ',' && **p != '}')) {
		if (**p == '\\' && (*p)[1] != '\0')
			(*p)++;
		*out++ = *(*p)++;
	}
	if (quoted && **p == '"')
		(*p)++;
	*out++ = '\0';
	return out;
}

char **
db_strv(const struct db_res *r, size_t row, size_t col, size_t *n)
{
	const char	 *s = db_text(r, row, col), *p;
	size_t		  most = 1, k = 0;
	char		**v, *out;

	for (p = s; *p != '\0'; p++)
		if (*p == ',')
			most++;
	v = mem_zero((most + 1) * sizeof(*v) + strlen(s) + most + 1);
	out = (char *)(v + most + 1);
	if (s[0] == '{' && s[1] != '}') {
		p = s + 1;
		while (k < most && *p != '\0') {
			v[k++] = out;
			out = element(&p, out);
			if (*p != ',')
				break;
			p++;
		}
	}
	*n = k;
	return v;
}
