#include "auditor/net/starttls.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/limit.h"

#define QUOTE	100	/* of what a server says */

enum { GREETING, CAPABILITIES, READY };

void
starttls_begin(struct starttls *s, enum probe_starttls kind,
    const char *self)
{
	s->kind = kind;
	s->self = self;
	s->step = GREETING;
	s->offered = 0;
	buf_reset(&s->line);
}

void
starttls_free(struct starttls *s)
{
	buf_free(&s->line);
}

/* What it said, for a message: printable, and not too long. */
static const char *
quote(const char *line, char *out)
{
	size_t	i;

	for (i = 0; line[i] != '\0' && i < QUOTE; i++)
		out[i] = line[i] >= ' ' && line[i] <= '~' ? line[i] : '?';
	out[i] = '\0';
	return out;
}

static int
unwilling(const char *line, struct err *e)
{
	char	text[QUOTE + 1];

	return err_set(e, ERR_NET, "the server does not begin TLS; it says "
	    "\"%s\"", quote(line, text));
}

static int
strange(const struct starttls *s, struct err *e)
{
	char	text[QUOTE + 1];

	return err_set(e, ERR_FORMAT, "the server does not speak %s; it says "
	    "\"%s\"", s->kind == PROBE_SMTP ? "SMTP (RFC 5321 section 4.2)" :
	    "IMAP (RFC 9051 section 7)", quote(buf_text(&s->line), text));
}

/* A line of a reply: its code, and whether more lines follow; -1. */
static int
smtp_code(const char *line, int *more)
{
	int	i;

	for (i = 0; i < 3; i++)
		if (line[i] < '0' || line[i] > '9')
			return -1;
	if (line[3] != ' ' && line[3] != '-' && line[3] != '\0')
		return -1;
	*more = line[3] == '-';
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
}

static int
smtp_line(struct starttls *s, const char *line, struct buf *out,
    struct err *e)
{
	static const int	wanted[] = { 220, 250, 220 };
	int			more, code = smtp_code(line, &more);

	if (code == -1)
		return strange(s, e);
	if (code != wanted[s->step])
		return unwilling(line, e);
	if (s->step == CAPABILITIES && line[3] != '\0' &&
	    strncasecmp(line + 4, "STARTTLS", 8) == 0 &&
	    (line[12] == '\0' || line[12] == ' '))
		s->offered = 1;
	if (more)
		return 0;
	switch (s->step++) {
	case GREETING:
		buf_fmt(out, "EHLO %s\r\n", s->self);
		return 0;
	case CAPABILITIES:
		if (!s->offered)
			return err_set(e, ERR_NET, "the server does not offer "
			    "STARTTLS (RFC 3207 section 4)");
		buf_str(out, "STARTTLS\r\n");
		return 0;
	default:
		return 1;
	}
}

static int
imap_line(struct starttls *s, const char *line, struct buf *out,
    struct err *e)
{
	if (s->step == GREETING) {
		if (strncmp(line, "* ", 2) != 0)
			return strange(s, e);
		/* PREAUTH: it is too late for TLS (RFC 9051, 7.1.4). */
		if (strncasecmp(line, "* OK", 4) != 0)
			return unwilling(line, e);
		buf_str(out, "a STARTTLS\r\n");
		s->step = READY;
		return 0;
	}
	if (strncasecmp(line, "a OK", 4) == 0 &&
	    (line[4] == ' ' || line[4] == '\0'))
		return 1;
	if (strncmp(line, "* ", 2) == 0 && strncasecmp(line, "* BYE", 5) != 0)
		return 0;
	if (line[0] == '*' || strncasecmp(line, "a ", 2) == 0)
		return unwilling(line, e);
	return strange(s, e);
}

/* Add up to the end of a line: 1 when it is there, 0 not yet, -1. */
static int
read_line(struct starttls *s, struct cur *k, struct err *e)
{
	const uint8_t	*end = memchr(k->p, '\n', cur_left(k));
	size_t		 n = end != NULL ? (size_t)(end - k->p) :
				 cur_left(k);
	struct span	 part;

	if (n > LIMIT_STARTTLS_LINE - s->line.n)
		return err_set(e, ERR_LIMIT, "the server sent a line of more "
		    "than %u bytes before TLS", LIMIT_STARTTLS_LINE);
	if (cur_take(k, n, &part) != 0)
		return 0;
	buf_span(&s->line, part);
	if (end == NULL)
		return 0;
	(void)cur_skip(k, 1);
	if (s->line.n != 0 && s->line.p[s->line.n - 1] == '\r')
		s->line.p[--s->line.n] = '\0';
	return 1;
}

int
starttls_take(struct starttls *s, struct span in, struct buf *out,
    struct err *e)
{
	struct cur	k = cur_span(in);
	int		r;

	if (s->kind == PROBE_PLAIN)
		return 1;
	while (cur_left(&k) != 0) {
		r = read_line(s, &k, e);
		if (r <= 0)
			return r;
		r = s->kind == PROBE_SMTP ?
		    smtp_line(s, buf_text(&s->line), out, e) :
		    imap_line(s, buf_text(&s->line), out, e);
		buf_reset(&s->line);
		if (r < 0)
			return -1;
		/* What stands there was not protected, and nobody asked. */
		if (r == 1 && cur_left(&k) != 0)
			return err_set(e, ERR_FORMAT, "the server sent more "
			    "behind its answer to STARTTLS (RFC 3207 section "
			    "4.2)");
		if (r == 1)
			return 1;
	}
	return 0;
}
