/* What a server says: the callbacks of libcurl, declared in xfer_job.h. */
#include "auditor/net/xfer_job.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clk.h"
#include "base/limit.h"

/* Header fields that are kept. */
struct field {
	const char	*name;
	size_t		 offset;
	size_t		 size;
};

#define FIELD(text, member) \
	{ text, offsetof(struct fetch_done, member), \
	  sizeof(((struct fetch_done *)0)->member) }

static const struct field fields[] = {
	FIELD("Date", date),
	FIELD("Retry-After", retry_after),
	FIELD("ETag", etag),
	FIELD("Last-Modified", last_modified),
	FIELD("Content-Type", type),
	FIELD("Content-Encoding", encoding),
	FIELD("Location", location),
	FIELD("Replay-Nonce", nonce),
	FIELD("Link", links),
};

#define NFIELDS (sizeof(fields) / sizeof(fields[0]))

static int
is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/*
 * Keep a value, without blanks around; what does not fit is as if absent.  Of
 * a field that came before the last one counts, but there may be many Links.
 */
static void
keep(struct fetch_done *d, const struct field *f, const char *p, size_t n)
{
	char	*to = (char *)d + f->offset;
	size_t	 i, room = f->size;

	while (n > 0 && (*p == ' ' || *p == '\t')) {
		p++;
		n--;
	}
	while (n > 0 && (unsigned char)p[n - 1] <= ' ')
		n--;
	if (to == d->links && *to != '\0') {
		i = strlen(to);
		if (n >= room - i - 1)
			return;
		to[i++] = '\n';
		to += i;
		room -= i;
	}
	if (n >= room)
		n = 0;
	for (i = 0; i < n; i++)
		to[i] = is_control(p[i]) ? '?' : p[i];
	to[n] = '\0';
}

static int
is_field(const char *p, size_t n, const char *name)
{
	return strlen(name) == n && strncasecmp(p, name, n) == 0;
}

static int
has_control(const char *p, size_t n)
{
	while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == '\n'))
		n--;
	for (; n > 0; n--)
		if (is_control(p[n - 1]))
			return 1;
	return 0;
}

/* 1 when the list of codings has one that changes the bytes. */
static int
has_coding(const char *p, size_t n, const char *harmless)
{
	size_t	k;

	while (n > 0) {
		for (k = 0; k < n && p[k] != ',' &&
		    (unsigned char)p[k] > ' '; k++)
			;
		if (k != 0 && !is_field(p, k, harmless) &&
		    !is_field(p, k, "identity"))
			return 1;
		k += k < n;
		p += k;
		n -= k;
	}
	return 0;
}

/* What a field of ${name} says beside the text that is kept. */
static int
look(struct xfer_job *j, struct span name, const char *p, size_t n)
{
	const char	*s = (const char *)name.p;

	if (is_field(s, name.n, "Location"))
		j->odd_location |= has_control(p, n);
	else if (is_field(s, name.n, "Content-Encoding"))
		j->coded |= has_coding(p, n, "identity");
	else if (is_field(s, name.n, "Transfer-Encoding") &&
	    has_coding(p, n, "chunked"))
		/* libcurl would undo it, although nobody asked for it. */
		return xfer_job_fail(j, FETCH_PROTOCOL, "the answer has a "
		    "Transfer-Encoding that we did not ask for (RFC 9112 "
		    "6.1)");
	return 0;
}

/* A new answer (after 1xx): what the one before said is void. */
static void
forget(struct xfer_job *j)
{
	size_t	i;

	for (i = 0; i < NFIELDS; i++)
		*((char *)&j->done + fields[i].offset) = '\0';
	j->coded = j->odd_location = 0;
}

size_t
xfer_reply_header(char *p, size_t size, size_t n, void *arg)
{
	struct xfer_job	*j = arg;
	struct span	 name;
	const char	*colon;
	size_t		 i, left;

	n *= size;
	if (++j->lines > LIMIT_HTTP_REPLY_LINES) {
		(void)snprintf(j->done.message, sizeof(j->done.message),
		    "the answer has more than %d header lines",
		    LIMIT_HTTP_REPLY_LINES);
		j->done.failure = FETCH_HEADERS;
		return 0;
	}
	if (n >= 5 && memcmp(p, "HTTP/", 5) == 0)
		forget(j);
	colon = memchr(p, ':', n);
	if (colon == NULL)
		return n;
	name = (struct span){ (const uint8_t *)p, (size_t)(colon - p) };
	left = n - (size_t)(colon + 1 - p);
	for (i = 0; i < NFIELDS; i++)
		if (is_field(p, name.n, fields[i].name))
			keep(&j->done, &fields[i], colon + 1, left);
	return look(j, name, colon + 1, left) == 0 ? n : 0;
}

/* Bytes of an error page: read, so that the connection is of use again. */
static size_t
skip(struct xfer_job *j, size_t n)
{
	j->skipped += n;
	if (j->skipped <= LIMIT_BODY_SKIPPED)
		return n;
	j->enough = 1;
	return 0;
}

size_t
xfer_reply_body(char *p, size_t size, size_t n, void *arg)
{
	struct xfer_job	*j = arg;
	curl_off_t	 length = -1;
	int64_t		 left = -1;
	long		 status = 0;

	n *= size;
	(void)curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
	if (xfer_follow_wanted(j, status) ||
	    ((j->flags & FETCH_F_PIPE) != 0 && status != 200))
		return skip(j, n);
	if ((j->flags & FETCH_F_PIPE) != 0 && j->coded) {
		(void)xfer_job_fail(j, FETCH_PROTOCOL, "the answer has a "
		    "Content-Encoding that we did not ask for");
		return 0;
	}
	(void)curl_easy_getinfo(j->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
	    &length);
	if (n > j->cap - j->got ||
	    (length >= 0 && (uint64_t)length > j->cap)) {
		(void)snprintf(j->done.message, sizeof(j->done.message),
		    "the body is larger than %zu bytes", j->cap);
		j->done.failure = FETCH_TOO_LARGE;
		return 0;
	}
	if (!meter_ready(&j->x->meter, clk_mono())) {
		j->throttled = 1;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (length >= 0 && (uint64_t)length >= j->got + n)
		left = length - (int64_t)(j->got + n);
	switch (j->ops->body(j->arg, (const uint8_t *)p, n, left)) {
	case XFER_TOOK:
		break;
	case XFER_WAIT:
		j->waiting = 1;
		return CURL_WRITEFUNC_PAUSE;
	case XFER_STOP:
		(void)xfer_job_fail(j, FETCH_NO_ROOM,
		    "there is no room for the body");
		return 0;
	}
	j->got += n;
	meter_take(&j->x->meter, n, clk_mono());
	return n;
}

