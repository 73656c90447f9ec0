#include "auditor/role/challenge_http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auditor/role/challenge_store.h"
#include "base/clk.h"
#include "base/limit.h"

/* A request whose head is complete. */
struct request {
	struct span	method, target;
	int		minor;		/* HTTP/1.minor */
	int		hosts;		/* Host fields */
};

static int
is_tchar(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static int
span_is(struct span s, const char *word)
{
	return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

static int
span_is_any_case(struct span s, const char *word)
{
	return s.n == strlen(word) &&
	    strncasecmp((const char *)s.p, word, s.n) == 0;
}

/* What can be in no head at all: TLS on this port, for one. */
static int
is_text(struct span s)
{
	size_t	i;

	for (i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\r' && s.p[i] != '\n' &&
		    s.p[i] != '\t') || s.p[i] == 0x7f)
			return 0;
	return 1;
}

/* A line up to its CRLF, which is taken too: 0, or -1 there is none. */
static int
take_line(struct cur *k, struct span *line)
{
	const uint8_t	*end = memchr(k->p, '\n', cur_left(k));

	if (end == NULL || end == k->p || end[-1] != '\r')
		return -1;
	line->p = k->p;
	line->n = (size_t)(end - k->p) - 1;
	k->p = end + 1;
	return memchr(line->p, '\r', line->n) == NULL ? 0 : -1;
}

/* Up to a blank, which is taken too. */
static int
take_word(struct cur *k, struct span *word)
{
	const uint8_t	*end = memchr(k->p, ' ', cur_left(k));

	if (end == NULL || end == k->p)
		return -1;
	word->p = k->p;
	word->n = (size_t)(end - k->p);
	k->p = end + 1;
	return 0;
}

/* RFC 9112 section 3: 0, or the status that refuses it. */
static int
read_request_line(struct span line, struct request *r)
{
	struct cur	k = cur_span(line);
	struct span	v;
	size_t		i;

	if (take_word(&k, &r->method) != 0 || take_word(&k, &r->target) != 0)
		return 400;
	for (i = 0; i < r->method.n; i++)
		if (!is_tchar(r->method.p[i]))
			return 400;
	for (i = 0; i < r->target.n; i++)
		if (r->target.p[i] <= ' ' || r->target.p[i] > '~')
			return 400;
	v = cur_rest(&k);
	if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[5] < '0' ||
	    v.p[5] > '9' || v.p[6] != '.' || v.p[7] < '0' || v.p[7] > '9')
		return 400;
	r->minor = v.p[7] - '0';
	return v.p[5] == '1' ? 0 : 505;
}

static struct span
trim(struct span s)
{
	while (s.n != 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n != 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* RFC 9112 section 5: no folding, no blank before the colon. */
static int
read_field(struct span line, struct request *r)
{
	const uint8_t	*colon = memchr(line.p, ':', line.n);
	struct span	 name, value;
	size_t		 i;

	if (colon == NULL || colon == line.p)
		return 400;
	name.p = line.p;
	name.n = (size_t)(colon - line.p);
	for (i = 0; i < name.n; i++)
		if (!is_tchar(name.p[i]))
			return 400;
	value.p = colon + 1;
	value.n = line.n - name.n - 1;
	value = trim(value);
	if (span_is_any_case(name, "host"))
		r->hosts++;
	/* What would follow is not read: no body. */
	if (span_is_any_case(name, "transfer-encoding") ||
	    (span_is_any_case(name, "content-length") &&
	    !span_is(value, "0")))
		return 400;
	return 0;
}

/* The whole head: 0, or the status that refuses it. */
static int
read_head(struct span head, struct request *r)
{
	struct cur	k = cur_span(head);
	struct span	line;
	int		status;

	memset(r, 0, sizeof(*r));
	if (take_line(&k, &line) != 0)
		return 400;
	status = read_request_line(line, r);
	if (status != 0)
		return status;
	for (;;) {
		if (take_line(&k, &line) != 0)
			return 400;
		if (line.n == 0)
			break;
		status = read_field(line, r);
		if (status != 0)
			return status;
	}
	/* RFC 9112 section 3.2 */
	return r->hosts > 1 || (r->hosts == 0 && r->minor > 0) ? 400 : 0;
}

/* The path of the target, which may be a whole URL (section 3.2.2). */
static struct span
path_of(struct span target)
{
	static const char	scheme[] = "http://";
	const uint8_t		*slash;
	size_t			 n = sizeof(scheme) - 1;

	if (target.n < n || strncasecmp((const char *)target.p, scheme, n) !=
	    0)
		return target;
	target.p += n;
	target.n -= n;
	slash = memchr(target.p, '/', target.n);
	n = slash != NULL ? (size_t)(slash - target.p) : target.n;
	target.p += n;
	target.n -= n;
	return target;
}

static struct challenge_answer *
look_up(struct challenge_store *s, struct span path, int64_t now)
{
	size_t	n = sizeof(CHALLENGE_PATH) - 1;

	if (path.n <= n || memcmp(path.p, CHALLENGE_PATH, n) != 0)
		return NULL;
	path.p += n;
	path.n -= n;
	return challenge_store_find(s, path, now);
}

/* --- responses --- */

static const char *
phrase(int status)
{
	switch (status) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 431: return "Request Header Fields Too Large";
	default: return "HTTP Version Not Supported";
	}
}

/* RFC 9110 section 5.6.7, whatever the locale. */
static void
put_date(struct buf *b)
{
	static const char	days[] = "SunMonTueWedThuFriSat";
	static const char	months[] =
	    "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t			t = (time_t)(clk_wall() / CLK_SEC);
	struct tm		tm;

	if (gmtime_r(&t, &tm) == NULL)
		return;
	buf_fmt(b, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n",
	    days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void
respond(struct buf *b, int status, const char *body, int head_only)
{
	char	text[64];

	if (body == NULL) {
		(void)snprintf(text, sizeof(text), "%d %s\n", status,
		    phrase(status));
		body = text;
	}
	buf_fmt(b, "HTTP/1.1 %d %s\r\n", status, phrase(status));
	put_date(b);
	if (status == 405)
		buf_str(b, "Allow: GET, HEAD\r\n");
	buf_fmt(b, "Content-Type: %s\r\nContent-Length: %zu\r\n"
	    "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
	    status == 200 ? "application/octet-stream" :
	    "text/plain; charset=us-ascii", strlen(body));
	if (!head_only)
		buf_str(b, body);
}

int
challenge_http(struct span in, struct challenge_store *s, int64_t now,
    struct buf *out, struct challenge_answer **hit)
{
	struct challenge_answer	*a;
	struct request		 r;
	const uint8_t		*end;
	int			 status = 0, head, large;

	*hit = NULL;
	large = in.n > LIMIT_CHALLENGE_HEAD;
	/* An empty line before it is passed over (RFC 9112 section 2.2). */
	if (in.n >= 2 && memcmp(in.p, "\r\n", 2) == 0) {
		in.p += 2;
		in.n -= 2;
	}
	end = in.n == 0 ? NULL : memmem(in.p, in.n, "\r\n\r\n", 4);
	if (end != NULL) {
		in.n = (size_t)(end - in.p) + 4;
		large = in.n > LIMIT_CHALLENGE_HEAD;
	}
	if (!is_text(in))
		status = 400;
	else if (large)
		status = 431;
	else if (end == NULL)
		return 0;
	if (status == 0)
		status = read_head(in, &r);
	if (status != 0) {
		respond(out, status, NULL, 0);
		return 1;
	}
	head = span_is(r.method, "HEAD");
	if (!head && !span_is(r.method, "GET")) {
		respond(out, 405, NULL, 0);
		return 1;
	}
	a = look_up(s, path_of(r.target), now);
	if (a == NULL)
		respond(out, 404, NULL, head);
	else
		respond(out, 200, a->keyauth, head);
	*hit = a;
	return 1;
}
