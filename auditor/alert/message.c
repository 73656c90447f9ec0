#include "auditor/alert/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/mem.h"
#include "pki/name.h"

#define FIELD	400	/* bytes of one value on one line */
#define LISTED	8	/* values of a list on one line */

void
message_free(struct message *m)
{
	json_decref(m->findings);
	json_decref(m->data);
	m->findings = m->data = NULL;
}

void
message_header(struct message_req *r, const char *fmt, ...)
{
	va_list ap;
	char line[LIMIT_HTTP_HEADER];

	if (r->nheaders == LIMIT_HTTP_HEADERS)
		abort();
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	r->headers[r->nheaders++] = mem_str(line);
}

void
message_req_free(struct message_req *r)
{
	size_t i;

	for (i = 0; i < r->nheaders; i++) {
		mem_wipe(r->headers[i], strlen(r->headers[i]));
		free(r->headers[i]);
	}
	r->nheaders = 0;
	if (r->body.p != NULL)
		mem_wipe(r->body.p, r->body.n);
	buf_free(&r->body);
}

void
message_clean(struct buf *out, const char *text, size_t cap,
    const char *other)
{
	uint8_t *p;

	if (text == NULL || text[0] == '\0') {
		buf_str(out, other);
		return;
	}
	p = buf_room(out, cap + 1);
	out->n += name_display(text, strlen(text), (char *)p, cap + 1);
	out->p[out->n] = '\0';
}

const char *
message_get(const json_t *o, const char *key)
{
	const char *s;

	s = json_string_value(json_object_get(o, key));
	return s == NULL ? "" : s;
}

/* How many names a certificate finding has beside the one that matched. */
static size_t
names_more(const json_t *f)
{
	const json_t *d;
	json_int_t n;

	d = json_object_get(f, "detail");
	n = json_integer_value(json_object_get(d, "names_count"));
	if (n <= 0)
		n = (json_int_t)json_array_size(json_object_get(d, "names"));
	return n > 1 ? (size_t)(n - 1) : 0;
}

/* What the finding is about, on the first line. */
static void
put_name(const json_t *f, struct buf *out)
{
	size_t more;

	if (message_get(f, "name")[0] != '\0')
		message_clean(out, message_get(f, "name"), FIELD, "");
	else
		message_clean(out, message_get(f, "subject"), FIELD, "");
	more = names_more(f);
	if (more > 0)
		buf_fmt(out, " and %zu more", more);
}

static void
upper(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++)
		buf_u8(out, (uint8_t)(*s >= 'a' && *s <= 'z' ?
		    *s - 'a' + 'A' : *s));
}

static void
head_line(const struct message *m, const json_t *f, struct buf *out)
{
	const char *event;

	event = message_get(f, "event");
	if (event[0] == '\0')
		event = m->event == NULL ? "" : m->event;
	if (strcmp(event, "resolved") == 0 || strcmp(event, "retracted") == 0 ||
	    strcmp(event, "escalated") == 0 || strcmp(event, "acked") == 0) {
		upper(out, event);
		buf_str(out, ", ");
	}
	upper(out, message_get(f, "severity"));
	buf_fmt(out, " %s: ", message_get(f, "kind"));
	put_name(f, out);
}

/* Cut to ${cap} bytes at a character, with an ellipsis. */
static void
cut(struct buf *b, size_t from, size_t cap)
{
	size_t n;

	if (b->n - from <= cap)
		return;
	n = from + (cap > 3 ? cap - 3 : 0);
	while (n > from && (b->p[n] & 0xc0) == 0x80)
		n--;
	b->n = n;
	buf_str(b, "...");
}

void
message_summary(const struct message *m, size_t cap, struct buf *out)
{
	size_t from, others;

	from = out->n;
	others = json_array_size(m->findings) + m->more;
	if (json_array_size(m->findings) > 0) {
		head_line(m, json_array_get(m->findings, 0), out);
		if (others > 1)
			buf_fmt(out, ", and %zu more finding%s", others - 1,
			    others > 2 ? "s" : "");
	} else if (strcmp(m->purpose, "test") == 0)
		buf_str(out, "certvigil: test message");
	else if (strcmp(m->purpose, "digest") == 0)
		buf_str(out, "certvigil: daily digest");
	else
		message_clean(out, message_get(m->data,
		    json_is_string(json_object_get(m->data, "summary")) ?
		    "summary" : "text"), FIELD, "certvigil: notice");
	cut(out, from, cap);
}

static void
line(struct buf *out, const char *label)
{
	buf_fmt(out, "  %-11s", label);
}

/* A list of strings in one line: "a, b and 3 more". */
static void
put_list(struct buf *out, const json_t *list, const char *other)
{
	size_t i, n;

	n = json_array_size(list);
	if (n == 0)
		buf_str(out, other);
	for (i = 0; i < n && i < LISTED; i++) {
		if (i > 0)
			buf_str(out, ", ");
		message_clean(out, json_string_value(json_array_get(list, i)),
		    FIELD / 4, "?");
	}
	if (n > LISTED)
		buf_fmt(out, " and %zu more", n - LISTED);
	buf_str(out, "\n");
}

static void
put_field(struct buf *out, const char *label, const char *value,
    const char *other)
{
	line(out, label);
	message_clean(out, value, FIELD, other);
	buf_str(out, "\n");
}

/* Is it about a certificate, so that the lines about one make sense? */
static int
is_cert(const char *kind)
{
	static const char *const about[] = { "certificate.", "key.",
		"caa.violated", "ct_policy.", "sct.", "endpoint.unlogged" };
	size_t i;

	for (i = 0; i < sizeof(about) / sizeof(about[0]); i++)
		if (strncmp(kind, about[i], strlen(about[i])) == 0)
			return 1;
	return 0;
}

/* Is the question who ordered it? */
static int
is_order(const char *kind)
{
	return strncmp(kind, "key.misused", 11) == 0 ||
	    strncmp(kind, "endpoint.unlogged", 17) == 0 ||
	    (strncmp(kind, "certificate.", 12) == 0 &&
	    strncmp(kind, "certificate.not_", 16) != 0 &&
	    strcmp(kind, "certificate.revoked") != 0);
}

/* Who says that it is revoked. */
static void
put_sources(const json_t *f, struct buf *out)
{
	const json_t *list, *s;
	size_t i;

	list = json_object_get(json_object_get(f, "detail"), "sources");
	for (i = 0; i < json_array_size(list) && i < LISTED; i++) {
		s = json_array_get(list, i);
		line(out, i == 0 ? "said by" : "");
		buf_str(out, strcmp(message_get(s, "kind"), "crl") == 0 ?
		    "CRL " : "OCSP ");
		message_clean(out, message_get(s, "url"), FIELD, "?");
		buf_str(out, ", seen since ");
		message_clean(out, message_get(s, "first_seen"), FIELD / 4,
		    "?");
		buf_str(out, "\n");
	}
}

static void
put_cert(const json_t *f, struct buf *out)
{
	const char *owner, *seen;
	int order;

	order = is_order(message_get(f, "kind"));

	owner = message_get(f, "issuer_owner");
	seen = message_get(f, "issuer_first_seen");
	line(out, "issuer");
	message_clean(out, owner, FIELD, "owner not known");
	if (strcmp(seen, message_get(f, "first_seen")) == 0)
		buf_str(out, ", the first time for this name");
	else if (seen[0] != '\0')
		buf_fmt(out, ", seen for this name since %s", seen);
	buf_str(out, "\n");
	if (order)
		put_field(out, "key", message_get(f, "key_status"),
		    "not looked at");
	if (order || message_get(f, "caa")[0] != '\0')
		put_field(out, "CAA", message_get(f, "caa"), "not looked at");
	line(out, "served by");
	if (json_array_size(json_object_get(f, "served_at")) == 0)
		buf_str(out, "none of our endpoints that was looked at\n");
	else {
		buf_fmt(out, "%zu of our endpoints: ",
		    json_array_size(json_object_get(f, "served_at")));
		put_list(out, json_object_get(f, "served_at"), "");
	}
	if (order)
		put_field(out, "declarable", message_get(f, "nearest_source"),
		    "by nobody: no source covers the name");
	put_sources(f, out);
	line(out, "proven");
	if (json_is_true(json_object_get(f, "proven")))
		put_list(out, json_object_get(f, "logs"), "yes");
	else if (strcmp(message_get(f, "kind"), "certificate.not_logged")
	    == 0)
		buf_str(out, "no: no log shows it\n");
	else {
		buf_str(out, "not yet; the CA's signature stands, seen in ");
		put_list(out, json_object_get(f, "logs"), "a log");
	}
	put_field(out, "CA contact", message_get(f, "ca_contact"), "not known");
}

void
message_finding(const json_t *f, int commands, struct buf *out)
{
	const json_t *next;
	const char *owner;
	size_t i;

	put_field(out, "reason", message_get(f, "reason"), "none given");
	if (is_cert(message_get(f, "kind")))
		put_cert(f, out);
	owner = message_get(f, "owner");
	if (message_get(f, "watch")[0] != '\0') {
		line(out, "watch");
		message_clean(out, message_get(f, "watch"), FIELD, "");
		if (owner[0] != '\0') {
			buf_str(out, ", owner ");
			message_clean(out, owner, FIELD / 2, "");
		}
		buf_str(out, "\n");
	}
	put_field(out, "subject", message_get(f, "subject"), "");
	line(out, "finding");
	buf_fmt(out, "%lld, %s, first seen %s\n",
	    (long long)json_integer_value(json_object_get(f, "id")),
	    message_get(f, "state"), message_get(f, "first_seen"));
	next = json_object_get(f, "next");
	for (i = 0; commands && i < json_array_size(next); i++)
		buf_fmt(out, "  %s\n",
		    json_string_value(json_array_get(next, i)));
}

void
message_text(const struct message *m, size_t cap, struct buf *out)
{
	struct buf one = BUF_INIT;
	size_t i, n, from;

	from = out->n;
	n = json_array_size(m->findings);
	for (i = 0; i < n; i++) {
		buf_reset(&one);
		head_line(m, json_array_get(m->findings, i), &one);
		if (i == 0) {
			buf_str(&one, "\n");
			message_finding(json_array_get(m->findings, i), 1,
			    &one);
		} else
			buf_fmt(&one, " (finding %lld)\n",
			    (long long)json_integer_value(json_object_get(
			    json_array_get(m->findings, i), "id")));
		if (i > 0 && out->n - from + one.n + 64 > cap)
			break;
		buf_add(out, one.p, one.n);
	}
	if (n - i + m->more > 0)
		buf_fmt(out, "and %zu more: certvigil findings --open\n",
		    n - i + m->more);
	if (n == 0) {
		if (message_get(m->data, "text")[0] != '\0')
			buf_str(out, message_get(m->data, "text"));
		else
			message_summary(m, cap, out);
	}
	buf_free(&one);
	cut(out, from, cap);
}

static void
next_add(json_t *a, json_t *command)
{
	json_array_append_new(a, command);
}

/* A wildcard stands in quotes; only what a shell takes as it is. */
static int
put_arg(struct buf *b, const char *name)
{
	static const char	ok[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_*-";

	if (name[0] == '\0' || name[0] == '-' ||
	    strspn(name, ok) != strlen(name))
		return -1;
	buf_fmt(b, name[0] == '*' ? "'%s'" : "%s", name);
	return 0;
}

/* "certvigil VERB NAME", when there is a name. */
static void
next_named(json_t *a, const char *verb, const char *name)
{
	struct buf	b = BUF_INIT;

	buf_fmt(&b, "certvigil %s ", verb);
	if (put_arg(&b, name) == 0)
		next_add(a, json_string(buf_text(&b)));
	buf_free(&b);
}

/* A certificate that is ours, by what the finding says of it. */
static const char *
managed_of(const json_t *f)
{
	return message_get(json_object_get(f, "detail"), "managed");
}

/* What mends it, where it is not to be decided who ordered what. */
static void
next_mend(const json_t *f, const char *kind, json_t *a)
{
	const json_t	*d = json_object_get(f, "detail");

	if (strcmp(kind, "renewal.failed") == 0 ||
	    strcmp(kind, "deploy.failed") == 0)
		next_named(a, "renew", message_get(f, "name"));
	else if (strcmp(kind, "renewal.requested") == 0 &&
	    message_get(f, "watch")[0] == '\0')
		next_named(a, "renew", message_get(f, "name"));
	else if (strcmp(kind, "certificate.revoked") == 0)
		next_named(a, "renew", managed_of(f));
	else if (strcmp(kind, "certificate.not_received") == 0) {
		next_named(a, "renew", managed_of(f));
		next_named(a, "revoke", message_get(f, "subject"));
	} else if (strcmp(kind, "revocation.not_published") == 0) {
		next_named(a, "revocation status", message_get(d, "serial"));
		next_named(a, "revoke", message_get(d, "tbs_sha256"));
		if (json_integer_value(json_object_get(d, "expectation")) > 0)
			next_add(a, json_sprintf("certvigil expect cancel "
			    "%lld", (long long)json_integer_value(
			    json_object_get(d, "expectation"))));
	}
}

/* Can it be revoked, because nobody declared it? */
static int
is_foreign(const char *kind)
{
	return strcmp(kind, "certificate.unexpected") == 0 ||
	    strcmp(kind, "key.misused") == 0;
}

json_t *
message_next(const json_t *f)
{
	const char	*kind = message_get(f, "kind");
	const char	*state = message_get(f, "state");
	long long	 n = (long long)json_integer_value(
			    json_object_get(f, "id"));
	json_t		*a = json_array();

	if (strcmp(state, "resolved") == 0)
		return a;
	if (is_order(kind) && strncmp(kind, "endpoint.", 9) != 0) {
		next_add(a, json_sprintf("certvigil why %lld", n));
		if (strcmp(state, "accepted") != 0)
			next_add(a, json_sprintf("certvigil accept %lld "
			    "--scope issuance --reason 'TEXT'", n));
		next_add(a, json_sprintf("certvigil reject %lld --reason "
		    "'TEXT'", n));
		if (is_foreign(kind) && strcmp(state, "accepted") != 0 &&
		    strcmp(state, "contained") != 0)
			next_add(a, json_sprintf("certvigil respond %lld",
			    n));
	} else {
		next_mend(f, kind, a);
		next_add(a, json_sprintf("certvigil ack %lld", n));
		next_add(a, json_sprintf("certvigil resolve %lld --reason "
		    "'TEXT'", n));
	}
	next_add(a, json_sprintf("certvigil silence %lld --for 24h --reason "
	    "'TEXT'%s", n, strcmp(message_get(f, "severity"), "critical") ==
	    0 ? " --allow-critical" : ""));
	return a;
}
