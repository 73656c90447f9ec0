#include "auditor/serials.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/limit.h"
#include "base/mem.h"

#define FIELDS	64	/* columns of a CSV line that are looked at */
#define SPKI	64	/* hex digits of a SHA-256 */

/* What the lines of the list are. */
enum form { UNKNOWN, PLAIN, CSV, TEXT };

struct reader {
	struct serials	*out;
	const char	*where;
	struct err	*e;
	enum form	 form;
	char		 comma;		/* that parts fields */
	size_t		 serial, issuer;	/* columns; SIZE_MAX: none */
	size_t		 line;
};

/* A piece of a line. */
struct piece {
	const char	*p;
	size_t		 n;
};

static int
is_hex(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	    (c >= 'A' && c <= 'F');
}

static struct piece
trim(struct piece s)
{
	while (s.n > 0 && isspace((unsigned char)s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && isspace((unsigned char)s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Does it begin with this, in any case? */
static int
begins(struct piece s, const char *word)
{
	return s.n >= strlen(word) && strncasecmp(s.p, word, strlen(word)) ==
	    0;
}

/*
 * The digits of a number; one that is written in groups has two in each, so
 * that a date behind it is not taken for a part of it.  0 or -1.
 */
static int
digits(struct piece s, struct buf *out)
{
	size_t	i, group = 0;
	int	groups = 0;

	for (i = 0; i < s.n && out->n <= 4 * LIMIT_SERIAL; i++) {
		if (is_hex((unsigned char)s.p[i])) {
			buf_u8(out, (uint8_t)tolower((unsigned char)s.p[i]));
			if (++group > 2 && groups)
				return -1;
		} else if (group == 2 && s.p[i] != '\0' &&
		    strchr(": -", s.p[i]) != NULL) {
			groups = 1;
			group = 0;
		} else
			return -1;
	}
	return i < s.n || group == 0 || (groups && group != 2) ? -1 : 0;
}

char *
serials_canon(const char *text, size_t n)
{
	struct piece	s = trim((struct piece){ text, n });
	struct buf	b = BUF_INIT;
	size_t		from;
	char		*out = NULL;
	int		minus = begins(s, "-");

	s.p += minus;
	s.n -= (size_t)minus;
	if (begins(s, "0x")) {
		s.p += 2;
		s.n -= 2;
	}
	buf_str(&b, "0");
	if (digits(s, &b) == 0) {
		/* the zero in front makes an odd number whole bytes */
		from = b.n % 2 == 0 ? 0 : 1;
		while (b.n - from > 2 && memcmp(b.p + from, "00", 2) == 0)
			from += 2;
		if (b.n - from <= 2 * LIMIT_SERIAL)
			out = mem_printf("%s%.*s", minus &&
			    strcmp(buf_text(&b) + from, "00") != 0 ? "-" : "",
			    (int)(b.n - from), buf_text(&b) + from);
	}
	buf_free(&b);
	return out;
}

static int
bad(const struct reader *r, struct piece s)
{
	return err_set(r->e, ERR_USAGE, "%s:%zu: `%.*s` is no serial number: "
	    "write hex digits, or the SHA-256 of the issuer's key, a colon "
	    "and hex digits", r->where, r->line, s.n > 60 ? 60 : (int)s.n,
	    s.p);
}

/* The hex of an issuer's key, or NULL. */
static char *
issuer_canon(struct piece s)
{
	char	*p;
	size_t	 i;

	s = trim(s);
	if (s.n != SPKI)
		return NULL;
	for (i = 0; i < s.n; i++)
		if (!is_hex((unsigned char)s.p[i]))
			return NULL;
	p = mem_dup(s.p, s.n);
	for (i = 0; i < s.n; i++)
		p[i] = (char)tolower((unsigned char)p[i]);
	return p;
}

static int
take(struct reader *r, struct piece serial, struct piece issuer)
{
	struct serials	*o = r->out;
	char		*s, *i;

	if (o->n >= LIMIT_SERIALS)
		return err_set(r->e, ERR_LIMIT, "%s: more than %u serial "
		    "numbers", r->where, LIMIT_SERIALS);
	if ((s = serials_canon(serial.p, serial.n)) == NULL)
		return bad(r, serial);
	i = issuer.n == 0 ? mem_str("") : issuer_canon(issuer);
	if (i == NULL) {
		free(s);
		return bad(r, issuer);
	}
	o->serial = mem_grow(o->serial, &o->cap, o->n + 1,
	    sizeof(*o->serial));
	o->issuer = mem_grow(o->issuer, &o->icap, o->n + 1,
	    sizeof(*o->issuer));
	o->serial[o->n] = s;
	o->issuer[o->n++] = i;
	return 0;
}

/* --- lines of one value ----------------------------------------------------- */

static int
plain(struct reader *r, struct piece s)
{
	struct piece	none = { s.p, 0 }, issuer = { s.p, SPKI };
	char		*key;

	if (begins(s, "serial=")) {
		s.p += 7;
		s.n -= 7;
	}
	if (s.n > SPKI && s.p[SPKI] == ':' &&
	    (key = issuer_canon(issuer)) != NULL) {
		free(key);
		return take(r, (struct piece){ s.p + SPKI + 1,
		    s.n - SPKI - 1 }, issuer);
	}
	return take(r, s, none);
}

/* "Serial Number: 0A:1B" of a CRL in words. */
static int
words(struct reader *r, struct piece s)
{
	static const char	 word[] = "Serial Number:";
	struct piece		 none = { s.p, 0 };

	if (!begins(s, word))
		return 0;
	s.p += sizeof(word) - 1;
	s.n -= sizeof(word) - 1;
	return take(r, trim(s), none);
}

/* --- CSV ---------------------------------------------------------------------- */

/* The fields of a line, quotes taken off; how many. */
static size_t
split(const struct reader *r, struct piece s, struct piece f[FIELDS])
{
	size_t	n = 0, i = 0, from;
	int	quoted;

	while (n < FIELDS) {
		while (i < s.n && s.p[i] == ' ')
			i++;
		quoted = i < s.n && s.p[i] == '"';
		from = i += (size_t)quoted;
		while (i < s.n && s.p[i] != (quoted ? '"' : r->comma))
			i++;
		f[n++] = trim((struct piece){ s.p + from, i - from });
		while (i < s.n && s.p[i] != r->comma)
			i++;
		if (i++ >= s.n)
			break;
	}
	return n;
}

/* Is the title of a column one of these?  Only letters and digits count. */
static int
titled(struct piece s, const char *const *words)
{
	char	name[40];
	size_t	i, n = 0;

	for (i = 0; i < s.n && n + 1 < sizeof(name); i++)
		if (isalnum((unsigned char)s.p[i]))
			name[n++] = (char)tolower((unsigned char)s.p[i]);
	name[n] = '\0';
	for (i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], name) == 0)
			return 1;
	return 0;
}

static const char *const serial_words[] = { "serial", "serialnumber",
	"serialno", "serialhex", "certserial", "certificateserial",
	"certificateserialnumber", NULL };
static const char *const issuer_words[] = { "issuerspkisha256", "issuerspki",
	"issuerkey", "issuerkeyhash", NULL };

/* The columns of a header: 1, or 0 when it is none. */
static int
header(struct reader *r, const struct piece *f, size_t n)
{
	size_t	i;

	r->serial = r->issuer = SIZE_MAX;
	for (i = 0; i < n; i++) {
		if (r->serial == SIZE_MAX && titled(f[i], serial_words))
			r->serial = i;
		else if (r->issuer == SIZE_MAX && titled(f[i], issuer_words))
			r->issuer = i;
	}
	if (r->serial != SIZE_MAX)
		return 1;
	r->serial = 0;
	return 0;
}

static int
csv(struct reader *r, struct piece s)
{
	struct piece	f[FIELDS], issuer = { s.p, 0 };
	size_t		n = split(r, s, f);

	if (r->serial >= n)
		return err_set(r->e, ERR_USAGE, "%s:%zu: there is no column "
		    "%zu with the serial number", r->where, r->line,
		    r->serial + 1);
	if (r->issuer < n)
		issuer = f[r->issuer];
	return take(r, f[r->serial], issuer);
}

/* --- what it is ----------------------------------------------------------------- */

/* The first line decides; 1 when it was only a title. */
static int
recognise(struct reader *r, struct piece s)
{
	struct piece	f[FIELDS];
	size_t		i;

	if (begins(s, "Certificate Revocation List") ||
	    begins(s, "Serial Number:")) {
		r->form = TEXT;
		return 0;
	}
	for (i = 0; i < 3; i++)
		if (memchr(s.p, ",;\t"[i], s.n) != NULL)
			break;
	r->form = i < 3 ? CSV : PLAIN;
	r->comma = i < 3 ? ",;\t"[i] : '\0';
	return header(r, f, split(r, s, f));
}

static int
read_line(struct reader *r, struct piece s)
{
	if (r->form == UNKNOWN && recognise(r, s))
		return 0;
	switch (r->form) {
	case TEXT:
		return words(r, s);
	case CSV:
		return csv(r, s);
	default:
		return plain(r, s);
	}
}

int
serials_read(struct serials *out, const char *text, size_t n,
    const char *where, struct err *e)
{
	struct reader	r = { out, where, e, UNKNOWN, '\0', 0, SIZE_MAX, 0 };
	struct piece	s;
	const char	*end, *hash, *stop = text + n;

	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (; text < stop; text = end + 1) {
		r.line++;
		if ((end = memchr(text, '\n', (size_t)(stop - text))) == NULL)
			end = stop;
		s.p = text;
		s.n = (size_t)(end - text);
		if ((hash = memchr(s.p, '#', s.n)) != NULL)
			s.n = (size_t)(hash - s.p);
		s = trim(s);
		if (s.n > 0 && read_line(&r, s) == -1)
			return -1;
	}
	return 0;
}

void
serials_free(struct serials *s)
{
	size_t	i;

	for (i = 0; i < s->n; i++) {
		free(s->serial[i]);
		free(s->issuer[i]);
	}
	free(s->serial);
	free(s->issuer);
	memset(s, 0, sizeof(*s));
}
