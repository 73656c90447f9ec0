#include "acme/authz.h"

#include <stdlib.h>
#include <string.h>

#include "acme/doc.h"
#include "base/limit.h"
#include "base/mem.h"

#define TOKEN_MIN 22	/* 128 bits, RFC 8555 8 */

static const char *const types[] = {
	[CHALLENGE_HTTP_01] = "http-01",
	[CHALLENGE_DNS_01] = "dns-01",
	[CHALLENGE_TLS_ALPN_01] = "tls-alpn-01",
	[CHALLENGE_DNS_ACCOUNT_01] = "dns-account-01",
	[CHALLENGE_DNS_PERSIST_01] = "dns-persist-01",
};

_Static_assert(sizeof(types) / sizeof(types[0]) == CHALLENGE_MAX,
    "every type has a name");

const char *
challenge_name(enum challenge_type t)
{
	return t > 0 && t < CHALLENGE_MAX ? types[t] : NULL;
}

enum challenge_type
challenge_of(const char *name)
{
	size_t	i;

	for (i = 1; i < CHALLENGE_MAX; i++)
		if (strcmp(types[i], name) == 0)
			return (enum challenge_type)i;
	return 0;
}

int
challenge_fits(enum challenge_type t, const struct order_ident *id)
{
	int	direct = t == CHALLENGE_HTTP_01 || t == CHALLENGE_TLS_ALPN_01;

	return id->ip ? direct : id->wildcard ? !direct : 1;
}

/* The number of ${s} in ${names}, which begin at 1; 0: none. */
static int
word(const char *const *names, size_t n, const char *s)
{
	size_t	i;

	for (i = 1; i < n; i++)
		if (strcmp(names[i], s) == 0)
			return (int)i;
	return 0;
}

static int
challenge_status_read(const json_t *o, struct challenge *c, struct err *e)
{
	static const char *const names[] = {
		[CHALLENGE_PENDING] = "pending",
		[CHALLENGE_PROCESSING] = "processing",
		[CHALLENGE_VALID] = "valid",
		[CHALLENGE_INVALID] = "invalid",
	};
	const char		*s;

	if (doc_need(o, "status", LIMIT_ACME_TEXT, &s, e) == -1)
		return -1;
	c->status = (enum challenge_status)word(names,
	    sizeof(names) / sizeof(names[0]), s);
	if (c->status == 0)
		return err_set(e, ERR_FORMAT, "status: is none of a "
		    "challenge (RFC 8555 7.1.6)");
	return 0;
}

/* dns-persist-01 has issuers and perhaps an account, the others a token. */
static int
proof_read(const json_t *o, struct challenge *c, struct err *e)
{
	static const size_t	 caps[2] = { LIMIT_ACME_ISSUERS, 253 };
	struct doc_list		 l;
	const char		*s;

	if (c->type == CHALLENGE_DNS_PERSIST_01) {
		if (doc_list(o, "issuer-domain-names", caps, &l, e) == -1)
			return -1;
		c->issuers = l.v;
		c->nissuers = l.n;
		if (l.n == 0)
			return err_set(e, ERR_FORMAT, "issuer-domain-names: "
			    "there are none");
		if (doc_text(o, "accounturi", LIMIT_ACME_URL, &s, e) == -1)
			return -1;
		c->account = mem_str(s);
		return 0;
	}
	if (doc_need(o, "token", LIMIT_ACME_BODY, &s, e) == -1)
		return -1;
	if (!doc_is_b64url(s, TOKEN_MIN, LIMIT_ACME_TOKEN))
		return err_set(e, ERR_FORMAT, "token: must be %d to %u "
		    "characters of base64url (RFC 8555 8)", TOKEN_MIN,
		    LIMIT_ACME_TOKEN);
	c->token = mem_str(s);
	return 0;
}

/* One challenge of a known type. */
static int
challenge_read(const json_t *o, struct challenge *c,
    const struct url_pin *pin, struct err *e)
{
	const json_t	*error = json_object_get(o, "error");
	const char	*url;

	if (challenge_status_read(o, c, e) == -1 ||
	    doc_need(o, "url", LIMIT_ACME_URL, &url, e) == -1 ||
	    url_check(pin, url, "url", e) == -1)
		return -1;
	c->url = mem_str(url);
	if (proof_read(o, c, e) == -1)
		return -1;
	if (json_is_object(error)) {
		c->failed = 1;
		problem_object(&c->error, error);
	}
	return 0;
}

static int
challenges_read(struct authz *out, const json_t *o,
    const struct url_pin *pin, struct err *e)
{
	enum challenge_type	 type;
	const json_t		*a, *v;
	const char		*s;
	size_t			 i;

	if (doc_array(o, "challenges", LIMIT_ACME_CHALLENGES, &a, e) == -1)
		return -1;
	out->challenge = mem_array(json_array_size(a),
	    sizeof(*out->challenge));
	for (i = 0; i < json_array_size(a); i++) {
		v = json_array_get(a, i);
		s = json_string_value(json_object_get(v, "type"));
		type = s != NULL ? challenge_of(s) : 0;
		if (type == 0 || authz_challenge(out, type) != NULL) {
			out->skipped++;
			continue;
		}
		out->challenge[out->nchallenges].type = type;
		if (challenge_read(v, &out->challenge[out->nchallenges++],
		    pin, e) == -1)
			return err_prefix(e, "%s", types[type]);
	}
	return 0;
}

static int
ident_read(struct authz *out, const json_t *o, const struct order_want *w,
    struct err *e)
{
	struct order_ident	*id = &out->ident;
	char			 text[ORDER_TEXT];
	int			 wildcard;

	if (order_ident_read(json_object_get(o, "identifier"), id, e) == -1 ||
	    doc_bool(o, "wildcard", &wildcard, e) == -1)
		return -1;
	id->wildcard |= wildcard;
	if (order_find(w->ident, w->n, id) != -1)
		return 0;
	if (!id->ip && !id->wildcard) {
		id->wildcard = 1;
		if (order_find(w->ident, w->n, id) != -1)
			return 0;
		id->wildcard = 0;
	}
	return err_set(e, ERR_FORMAT, "identifier: %s was not ordered",
	    order_text(id, text));
}

static int
members_read(struct authz *out, const json_t *o, const struct order_want *w,
    const struct url_pin *pin, struct err *e)
{
	static const char *const names[] = {
		[AUTHZ_PENDING] = "pending",
		[AUTHZ_VALID] = "valid",
		[AUTHZ_INVALID] = "invalid",
		[AUTHZ_DEACTIVATED] = "deactivated",
		[AUTHZ_EXPIRED] = "expired",
		[AUTHZ_REVOKED] = "revoked",
	};
	const char		*s;

	if (doc_need(o, "status", LIMIT_ACME_TEXT, &s, e) == -1)
		return -1;
	out->status = (enum authz_status)word(names,
	    sizeof(names) / sizeof(names[0]), s);
	if (out->status == 0)
		return err_set(e, ERR_FORMAT, "status: is none of an "
		    "authorization (RFC 8555 7.1.6)");
	if (ident_read(out, o, w, e) == -1)
		return -1;
	return challenges_read(out, o, pin, e);
}

int
authz_read(struct authz *out, struct span body, const struct order_want *w,
    const struct url_pin *pin, struct err *e)
{
	json_t	*o;
	int	 rc;

	memset(out, 0, sizeof(*out));
	o = doc_object(body, LIMIT_ACME_BODY, "authorization", e);
	if (o == NULL)
		return -1;
	rc = members_read(out, o, w, pin, e);
	json_decref(o);
	return rc == 0 ? 0 : err_prefix(e, "authorization");
}

void
authz_free(struct authz *a)
{
	struct doc_list	 l;
	struct challenge *c;
	size_t		 i;

	for (i = 0; i < a->nchallenges; i++) {
		c = &a->challenge[i];
		l = (struct doc_list){ c->issuers, c->nissuers };
		doc_list_free(&l);
		free(c->url);
		free(c->token);
		free(c->account);
		problem_free(&c->error);
	}
	free(a->challenge);
	memset(a, 0, sizeof(*a));
}

const struct problem *
authz_error(const struct authz *a)
{
	size_t	i;

	for (i = 0; i < a->nchallenges; i++)
		if (a->challenge[i].failed)
			return &a->challenge[i].error;
	return NULL;
}

const struct challenge *
authz_challenge(const struct authz *a, enum challenge_type t)
{
	size_t	i;

	for (i = 0; i < a->nchallenges; i++)
		if (a->challenge[i].type == t)
			return &a->challenge[i];
	return NULL;
}
