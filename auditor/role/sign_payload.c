#include "auditor/role/sign_payload.h"

#include <jansson.h>
#include <stddef.h>
#include <string.h>

#include "acme/san.h"
#include "base/enc.h"
#include "base/limit.h"
#include "pki/der.h"
#include "pki/name.h"

#define CONTACT_MAX	320	/* RFC 5321: 64 + 1 + 254 */
#define PROFILE_MAX	64
#define REPLACES_MAX	256	/* two octet strings of RFC 5280 */
#define MEMBERS		5

/* One member of an object. */
struct member {
	const char	*name;
	int		(*fits)(const json_t *);
	int		 must;
};

/* What one purpose says. */
struct shape {
	int		 empty;		/* may be "": POST-as-GET */
	int		 object;	/* may be an object of these */
	struct member	 members[MEMBERS];
};

/* A string of at most ${max} bytes, of printable ASCII without blanks. */
static const char *
text_of(const json_t *v, size_t max)
{
	const char *s;
	size_t i, n;

	s = json_string_value(v);
	n = s == NULL ? 0 : json_string_length(v);
	if (n == 0 || n > max)
		return NULL;
	for (i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return NULL;
	return s;
}

static int
is_bool(const json_t *v)
{
	return json_is_boolean(v);
}

static int
is_contacts(const json_t *v)
{
	const char *s;
	size_t i;

	if (!json_is_array(v) || json_array_size(v) > LIMIT_ACME_CONTACTS)
		return 0;
	for (i = 0; i < json_array_size(v); i++) {
		s = text_of(json_array_get(v, i), CONTACT_MAX + 7);
		if (s == NULL || strncmp(s, "mailto:", 7) != 0 ||
		    strchr(s + 7, '@') == NULL)
			return 0;
	}
	return 1;
}

static int
is_deactivated(const json_t *v)
{
	const char *s;

	s = json_string_value(v);
	return s != NULL && strcmp(s, "deactivated") == 0;
}

/* base64url of something; ${out} may be NULL. */
static int
unwrap(const json_t *v, struct buf *out)
{
	struct buf b = BUF_INIT;
	int ok;

	ok = json_string_length(v) > 0 && enc_unb64url(json_string_value(v),
	    json_string_length(v), &b) == 0;
	if (ok && out != NULL)
		buf_span(out, buf_bytes(&b));
	buf_free(&b);
	return ok;
}

static int
is_wrapped(const json_t *v)
{
	return unwrap(v, NULL);
}

/* A flattened JWS (RFC 7515, 7.2.2) with a protected header only. */
static int
is_jws(const json_t *v)
{
	return json_object_size(v) == 3 &&
	    is_wrapped(json_object_get(v, "protected")) &&
	    is_wrapped(json_object_get(v, "payload")) &&
	    is_wrapped(json_object_get(v, "signature"));
}

/* RFC 3339 in UTC and seconds. */
static int
is_time(const json_t *v)
{
	static const char form[] = "0000-00-00T00:00:00Z";
	const char *s;
	size_t i;

	s = text_of(v, sizeof(form) - 1);
	if (s == NULL || strlen(s) != sizeof(form) - 1)
		return 0;
	for (i = 0; form[i] != '\0'; i++)
		if (form[i] == '0' ? s[i] < '0' || s[i] > '9' :
		    s[i] != form[i])
			return 0;
	return 1;
}

static int
is_profile(const json_t *v)
{
	return text_of(v, PROFILE_MAX) != NULL;
}

/* RFC 9773, 4.1: two values of base64url with a dot between. */
static int
is_replaces(const json_t *v)
{
	struct buf b = BUF_INIT;
	const char *s, *dot;
	int ok;

	s = text_of(v, REPLACES_MAX);
	dot = s == NULL ? NULL : strchr(s, '.');
	ok = dot != NULL && dot != s && dot[1] != '\0' &&
	    enc_unb64url(s, (size_t)(dot - s), &b) == 0 &&
	    enc_unb64url(dot + 1, strlen(dot + 1), &b) == 0;
	buf_free(&b);
	return ok;
}

/* In the form that san_canon() gives it, and of that type (RFC 8738). */
static int
is_identifier(const char *type, const char *value)
{
	char canon[NAME_TEXT];
	uint8_t a[16];

	return san_canon(value, canon, NULL) == 0 &&
	    strcmp(value, canon) == 0 &&
	    strcmp(type, san_ip(canon, a) != 0 ? "ip" : "dns") == 0;
}

static int
is_identifiers(const json_t *v)
{
	const char *type, *value;
	const json_t *o;
	size_t i;

	if (json_array_size(v) == 0 || json_array_size(v) > LIMIT_SAN_NAMES)
		return 0;
	for (i = 0; i < json_array_size(v); i++) {
		o = json_array_get(v, i);
		type = json_string_value(json_object_get(o, "type"));
		value = text_of(json_object_get(o, "value"), NAME_TEXT - 1);
		if (json_object_size(o) != 2 || type == NULL ||
		    value == NULL || !is_identifier(type, value))
			return 0;
	}
	return 1;
}

/* RFC 5280, 5.3.1; 7 is not used. */
static int
is_reason(const json_t *v)
{
	json_int_t n;

	n = json_integer_value(v);
	return json_is_integer(v) && n >= 0 && n <= 10 && n != 7;
}

static const struct shape shapes[] = {
	[ACME_ACCOUNT_NEW] = { 0, 1, {
		{ "contact", is_contacts, 0 },
		{ "termsOfServiceAgreed", is_bool, 0 },
		{ "onlyReturnExisting", is_bool, 0 },
		{ "externalAccountBinding", is_jws, 0 } } },
	[ACME_ACCOUNT_GET] = { 1, 1, { { "contact", is_contacts, 1 } } },
	[ACME_ACCOUNT_CLOSE] = { 0, 1, { { "status", is_deactivated, 1 } } },
	[ACME_KEY_CHANGE] = { 0, 1, {
		{ "protected", is_wrapped, 1 },
		{ "payload", is_wrapped, 1 },
		{ "signature", is_wrapped, 1 } } },
	[ACME_ORDER_NEW] = { 0, 1, {
		{ "identifiers", is_identifiers, 1 },
		{ "notBefore", is_time, 0 },
		{ "notAfter", is_time, 0 },
		{ "profile", is_profile, 0 },
		{ "replaces", is_replaces, 0 } } },
	[ACME_ORDER_GET] = { 1, 0, { { NULL, NULL, 0 } } },
	[ACME_AUTHZ_GET] = { 1, 0, { { NULL, NULL, 0 } } },
	[ACME_CHALLENGE] = { 0, 1, { { NULL, NULL, 0 } } },
	[ACME_FINALIZE] = { 0, 1, { { "csr", is_wrapped, 1 } } },
	[ACME_CERTIFICATE] = { 1, 0, { { NULL, NULL, 0 } } },
	[ACME_REVOKE] = { 0, 1, {
		{ "certificate", is_wrapped, 1 },
		{ "reason", is_reason, 0 } } },
	[ACME_REVOKE_KEY] = { 0, 1, {
		{ "certificate", is_wrapped, 1 },
		{ "reason", is_reason, 0 } } },
	[ACME_AUTHZ_CLOSE] = { 0, 1, { { "status", is_deactivated, 1 } } },
};

/* Exactly these members, those that must be there among them. */
static int
check_members(const json_t *o, const struct member *m, struct err *e)
{
	const json_t *v;
	size_t i, n;

	n = 0;
	for (i = 0; i < MEMBERS && m[i].name != NULL; i++) {
		v = json_object_get(o, m[i].name);
		if (v == NULL && m[i].must)
			return err_set(e, ERR_VERIFY, "not signed: the "
			    "payload has no \"%s\"", m[i].name);
		if (v != NULL && !m[i].fits(v))
			return err_set(e, ERR_VERIFY, "not signed: \"%s\" in "
			    "the payload is not what it may be", m[i].name);
		n += v != NULL;
	}
	if (json_object_size(o) != n)
		return err_set(e, ERR_VERIFY, "not signed: the payload has "
		    "members that this request does not have");
	return 0;
}

/* Take out what others must look at. */
static int
take(const json_t *o, enum acme_purpose purpose, struct sign_payload *p,
    struct err *e)
{
	const json_t *jws, *der;
	struct span body;

	jws = purpose == ACME_KEY_CHANGE ? o :
	    json_object_get(o, "externalAccountBinding");
	if (jws != NULL && (!unwrap(json_object_get(jws, "protected"),
	    &p->head) || !unwrap(json_object_get(jws, "payload"), &p->body)))
		return err_set(e, ERR_VERIFY, "not signed: no inner JWS");
	der = json_object_get(o, purpose == ACME_FINALIZE ? "csr" :
	    "certificate");
	if (der == NULL)
		return 0;
	if (!unwrap(der, &p->der) ||
	    der_only(buf_bytes(&p->der), DER_SEQ, &body) == -1)
		return err_set(e, ERR_VERIFY, "not signed: \"%s\" is no DER "
		    "object", purpose == ACME_FINALIZE ? "csr" :
		    "certificate");
	return 0;
}

int
sign_payload_read(enum acme_purpose purpose, struct span payload,
    struct sign_payload *p, struct err *e)
{
	const struct shape *s;
	json_t *o;
	int rc;

	s = (size_t)purpose < sizeof(shapes) / sizeof(shapes[0]) ?
	    &shapes[purpose] : NULL;
	if (s == NULL || (!s->empty && !s->object))
		return err_set(e, ERR_VERIFY, "not signed: nothing is signed "
		    "for purpose %u", (unsigned)purpose);
	if (payload.n > LIMIT_SIGN_BODY)
		return err_set(e, ERR_LIMIT, "not signed: more than %u bytes",
		    LIMIT_SIGN_BODY);
	if (payload.n == 0)
		return s->empty ? 0 : err_set(e, ERR_VERIFY, "not signed: "
		    "this request is no POST-as-GET (purpose %u)",
		    (unsigned)purpose);
	if (!s->object)
		return err_set(e, ERR_VERIFY, "not signed: this request is a "
		    "POST-as-GET (purpose %u)", (unsigned)purpose);
	o = json_loadb((const char *)payload.p, payload.n,
	    JSON_REJECT_DUPLICATES, NULL);
	rc = json_is_object(o) ? check_members(o, s->members, e) :
	    err_set(e, ERR_VERIFY, "not signed: the payload is no JSON "
	    "object");
	if (rc == 0)
		rc = take(o, purpose, p, e);
	json_decref(o);
	return rc;
}

void
sign_payload_free(struct sign_payload *p)
{
	buf_free(&p->der);
	buf_free(&p->head);
	buf_free(&p->body);
}

int
sign_payload_is_eab(struct span head, const char *url)
{
	const char *alg, *its;
	json_t *o;
	int ok;

	o = json_loadb((const char *)head.p, head.n, JSON_REJECT_DUPLICATES,
	    NULL);
	alg = json_string_value(json_object_get(o, "alg"));
	its = json_string_value(json_object_get(o, "url"));
	ok = json_object_size(o) == 3 && alg != NULL && its != NULL &&
	    json_is_string(json_object_get(o, "kid")) &&
	    (strcmp(alg, "HS256") == 0 || strcmp(alg, "HS384") == 0 ||
	    strcmp(alg, "HS512") == 0) && strcmp(its, url) == 0;
	json_decref(o);
	return ok;
}
