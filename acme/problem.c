#include "acme/problem.h"

#include <stdlib.h>
#include <string.h>

#include "acme/doc.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/name.h"

#define URN "urn:ietf:params:acme:error:"
#define SAID_SUBS 10

struct row {
	const char		*name;	/* behind the URN's prefix */
	enum problem_type	 type;
	enum problem_when	 when;
	const char		*what;	/* "the CA ..." */
	const char		*fix;
};

static const struct row rows[] = {
	{ "accountDoesNotExist", PROBLEM_ACCOUNT_UNKNOWN, PROBLEM_NEVER,
	    "does not know the account",
	    "register it: certvigil account register" },
	{ "alreadyRevoked", PROBLEM_ALREADY_REVOKED, PROBLEM_NEVER,
	    "has revoked the certificate already",
	    "nothing is to be done" },
	{ "badCSR", PROBLEM_BAD_CSR, PROBLEM_NEVER,
	    "refuses the certificate request",
	    "its key must be new and its names those of the order" },
	{ "badNonce", PROBLEM_BAD_NONCE, PROBLEM_NOW,
	    "refuses the nonce", "it is sent again with a new one" },
	{ "badPublicKey", PROBLEM_BAD_PUBLIC_KEY, PROBLEM_NEVER,
	    "refuses the key", "take a key of type p256 or rsa2048" },
	{ "badRevocationReason", PROBLEM_BAD_REASON, PROBLEM_NEVER,
	    "refuses the revocation reason", "take another one, such as 0" },
	{ "badSignatureAlgorithm", PROBLEM_BAD_ALGORITHM, PROBLEM_NEVER,
	    "refuses the signature algorithm",
	    "the account's key must be of a type that this CA takes" },
	{ "caa", PROBLEM_CAA, PROBLEM_LATER,
	    "is forbidden to issue by CAA records",
	    "add this CA to the CAA records of the name" },
	{ "compound", PROBLEM_COMPOUND, PROBLEM_NEVER,
	    "refuses for more than one reason", "see to each of them" },
	{ "connection", PROBLEM_CONNECTION, PROBLEM_LATER,
	    "could not connect to the name",
	    "its port 80 (http-01) or 443 (tls-alpn-01) must be reachable "
	    "from everywhere" },
	{ "dns", PROBLEM_DNS, PROBLEM_LATER,
	    "had no useful answer from DNS",
	    "see whether all name servers of the name answer" },
	{ "externalAccountRequired", PROBLEM_EAB_REQUIRED, PROBLEM_NEVER,
	    "wants an external account",
	    "register with --eab-kid and --eab-key-file" },
	{ "incorrectResponse", PROBLEM_INCORRECT_RESPONSE, PROBLEM_LATER,
	    "did not find what the challenge asks for",
	    "see whether the name leads to this server, and what answers" },
	{ "invalidContact", PROBLEM_INVALID_CONTACT, PROBLEM_NEVER,
	    "refuses the contact", "correct acme.email" },
	{ "malformed", PROBLEM_MALFORMED, PROBLEM_NEVER,
	    "refuses the request as malformed",
	    "what it says tells which part" },
	{ "orderNotReady", PROBLEM_ORDER_NOT_READY, PROBLEM_NOW,
	    "says that the order is not ready", "it is read again" },
	{ "rateLimited", PROBLEM_RATE_LIMITED, PROBLEM_LATER,
	    "limits the rate", "wait; do not try more often" },
	{ "rejectedIdentifier", PROBLEM_REJECTED_IDENTIFIER, PROBLEM_NEVER,
	    "will not issue for a name", "order without it" },
	{ "serverInternal", PROBLEM_SERVER_INTERNAL, PROBLEM_LATER,
	    "has a fault of its own", "it is tried again later" },
	{ "tls", PROBLEM_TLS, PROBLEM_LATER,
	    "had an error of TLS with the name",
	    "see what answers on its port 443" },
	{ "unauthorized", PROBLEM_UNAUTHORIZED, PROBLEM_LATER,
	    "says that we are not authorized",
	    "see whether the challenge can be seen from outside, and whether "
	    "the account is valid" },
	{ "unsupportedContact", PROBLEM_UNSUPPORTED_CONTACT, PROBLEM_NEVER,
	    "does not support this kind of contact", "correct acme.email" },
	{ "unsupportedIdentifier", PROBLEM_UNSUPPORTED_IDENTIFIER,
	    PROBLEM_NEVER, "does not issue for this kind of name",
	    "order without it, or take another CA or profile" },
	{ "userActionRequired", PROBLEM_USER_ACTION, PROBLEM_NEVER,
	    "wants a person to act",
	    "agree to its terms, or do what its page says" },
	{ "agreementRequired", PROBLEM_USER_ACTION, PROBLEM_NEVER,
	    "wants its terms to be agreed to",
	    "register again and agree to them" },
	{ "alreadyReplaced", PROBLEM_ALREADY_REPLACED, PROBLEM_NOW,
	    "has replaced the certificate already",
	    "it is ordered again as a new one" },
	{ "invalidProfile", PROBLEM_INVALID_PROFILE, PROBLEM_NEVER,
	    "does not have the profile",
	    "take one that its directory lists" },
};

static const struct row *
row_of(enum problem_type t)
{
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].type == t)
			return &rows[i];
	return NULL;
}

enum problem_type
problem_type(const char *urn)
{
	size_t	i;

	if (urn == NULL || strncmp(urn, URN, sizeof(URN) - 1) != 0)
		return PROBLEM_OTHER;
	urn += sizeof(URN) - 1;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(urn, rows[i].name) == 0)
			return rows[i].type;
	return PROBLEM_OTHER;
}

/* A text that is none, or a faulty one, says nothing. */
static char *
text_of(const json_t *o, const char *key)
{
	const char	*s = json_string_value(json_object_get(o, key));

	return s == NULL || *s == '\0' ? NULL : mem_str(s);
}

static void
subs_read(struct problem *p, const json_t *a)
{
	struct problem_sub	*s;
	const json_t		*o;
	size_t			 i, n = json_array_size(a);

	if (n > LIMIT_ACME_SUBPROBLEMS) {
		p->more = n - LIMIT_ACME_SUBPROBLEMS;
		n = LIMIT_ACME_SUBPROBLEMS;
	}
	p->sub = mem_array(n, sizeof(*p->sub));
	for (i = 0; i < n; i++) {
		o = json_array_get(a, i);
		s = &p->sub[p->nsubs++];
		s->urn = text_of(o, "type");
		s->type = problem_type(s->urn);
		s->detail = text_of(o, "detail");
		s->ident = text_of(json_object_get(o, "identifier"),
		    "value");
	}
}

void
problem_object(struct problem *p, const json_t *o)
{
	json_int_t	v;

	memset(p, 0, sizeof(*p));
	if (!json_is_object(o))
		return;
	p->urn = text_of(o, "type");
	p->type = problem_type(p->urn);
	p->detail = text_of(o, "detail");
	p->instance = text_of(o, "instance");
	v = json_integer_value(json_object_get(o, "status"));
	p->status = v >= 100 && v <= 599 ? (long)v : 0;
	subs_read(p, json_object_get(o, "subproblems"));
}

void
problem_load(struct problem *p, const json_t *o)
{
	json_int_t	v;

	problem_object(p, o);
	v = json_integer_value(json_object_get(o, "retry_at"));
	p->retry_at = v > 0 ? (int64_t)v : 0;
	v = json_integer_value(json_object_get(o, "more"));
	if (v > 0 && v < INT32_MAX)
		p->more += (size_t)v;
}

void
problem_read(struct problem *p, const struct acme_reply *r, int64_t now)
{
	json_t	*o = NULL;
	int64_t	 secs = -1;

	if (r->status != 0)
		o = doc_object(r->body, LIMIT_ACME_PROBLEM, "problem", NULL);
	problem_object(p, o);
	json_decref(o);
	p->status = r->status;
	if (r->status == 0 && r->why != NULL)
		p->detail = mem_str(r->why);
	if (p->type == PROBLEM_OTHER && r->status == 429)
		p->type = PROBLEM_RATE_LIMITED;
	if (r->retry_after != NULL && *r->retry_after != '\0')
		secs = clk_retry_after(r->retry_after, now);
	if (secs >= 0)
		p->retry_at = now + secs * CLK_SEC;
}

static void
set_text(json_t *o, const char *key, const char *text)
{
	if (text != NULL)
		(void)json_object_set_new(o, key, json_string(text));
}

json_t *
problem_json(const struct problem *p)
{
	json_t	*o = json_object(), *a = json_array(), *s, *id;
	size_t	 i;

	set_text(o, "type", p->urn);
	set_text(o, "detail", p->detail);
	set_text(o, "instance", p->instance);
	(void)json_object_set_new(o, "status", json_integer(p->status));
	(void)json_object_set_new(o, "retry_at", json_integer(p->retry_at));
	for (i = 0; i < p->nsubs; i++) {
		s = json_object();
		set_text(s, "type", p->sub[i].urn);
		set_text(s, "detail", p->sub[i].detail);
		if (p->sub[i].ident != NULL) {
			id = json_object();
			set_text(id, "value", p->sub[i].ident);
			(void)json_object_set_new(s, "identifier", id);
		}
		(void)json_array_append_new(a, s);
	}
	(void)json_object_set_new(o, "subproblems", a);
	(void)json_object_set_new(o, "more",
	    json_integer((json_int_t)p->more));
	return o;
}

void
problem_free(struct problem *p)
{
	size_t	i;

	for (i = 0; i < p->nsubs; i++) {
		free(p->sub[i].urn);
		free(p->sub[i].detail);
		free(p->sub[i].ident);
	}
	free(p->sub);
	free(p->urn);
	free(p->detail);
	free(p->instance);
	memset(p, 0, sizeof(*p));
}

enum problem_when
problem_when(const struct problem *p)
{
	const struct row	*row = row_of(p->type);

	if (row != NULL && row->when == PROBLEM_NOW)
		return PROBLEM_NOW;
	if (p->status == 0 && p->type == PROBLEM_OTHER)
		return PROBLEM_LATER;
	if (p->status >= 500 || p->status == 429 || p->status == 408)
		return PROBLEM_LATER;
	return row != NULL ? row->when : PROBLEM_NEVER;
}

/* --- the sentence --- */

static void
quote(struct buf *b, const char *before, const char *text)
{
	char	out[LIMIT_ACME_DETAIL + 1];

	if (text == NULL)
		return;
	(void)name_display(text, strlen(text), out, sizeof(out));
	buf_fmt(b, "%s\"%s\"", before, out);
}

/* The type's last word, or all of an unknown one. */
static void
type_say(struct buf *b, enum problem_type t, const char *urn)
{
	const struct row	*row = row_of(t);

	if (row != NULL)
		buf_fmt(b, " (%s)", row->name);
	else if (urn != NULL)
		quote(b, " ", urn);
}

static void
head_say(const struct problem *p, struct buf *b)
{
	const struct row	*row = row_of(p->type);

	if (row != NULL)
		buf_fmt(b, "the CA %s", row->what);
	else if (p->status != 0)
		buf_fmt(b, "the CA answered with HTTP status %ld", p->status);
	else if (p->urn != NULL || p->detail == NULL)
		buf_str(b, "the CA refused");
	else
		buf_str(b, "the CA did not answer");
	type_say(b, p->type, p->urn);
}

static void
fix_say(const struct problem *p, struct buf *b)
{
	const struct row	*row = row_of(p->type);
	char			 when[CLK_TEXT];

	if (row != NULL)
		buf_fmt(b, "; %s", row->fix);
	else if (problem_when(p) == PROBLEM_LATER)
		buf_str(b, "; it is tried again later");
	else
		buf_str(b, "; see what the CA's documentation says of it");
	if (p->retry_at != 0)
		buf_fmt(b, ", not before %s", clk_text(p->retry_at, when));
	quote(b, ", at ", p->type == PROBLEM_USER_ACTION ? p->instance :
	    NULL);
}

void
problem_say(const struct problem *p, struct buf *b)
{
	const struct problem_sub	*s;
	size_t				 i, left;

	head_say(p, b);
	quote(b, ": ", p->detail);
	for (i = 0; i < p->nsubs && i < SAID_SUBS; i++) {
		s = &p->sub[i];
		quote(b, "; for ", s->ident != NULL ? s->ident :
		    "an unnamed identifier");
		type_say(b, s->type, s->urn);
		quote(b, ": ", s->detail);
	}
	left = p->nsubs - i + p->more;
	if (left != 0)
		buf_fmt(b, "; and %zu more", left);
	fix_say(p, b);
}
