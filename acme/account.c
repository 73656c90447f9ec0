#include "acme/account.h"

#include <stdlib.h>
#include <string.h>

#include "acme/doc.h"
#include "base/limit.h"
#include "base/mem.h"

/* A flattened JWS (RFC 7515 7.2.2) as an object, or NULL. */
static json_t *
jws_object(const char *text)
{
	static const char *const keys[] = { "protected", "payload",
				    "signature" };
	const char		*s;
	json_t			*o;
	size_t			 i;
	int			 ok;

	o = doc_object(SPAN_STR(text), LIMIT_ACME_BODY, "JWS", NULL);
	ok = o != NULL && json_object_size(o) == 3;
	for (i = 0; ok && i < 3; i++)
		ok = doc_text(o, keys[i], LIMIT_ACME_BODY, &s, NULL) == 0 &&
		    s != NULL && doc_is_b64url(s, 1, LIMIT_ACME_BODY);
	if (ok)
		return o;
	json_decref(o);
	return NULL;
}

/* An URL of printable ASCII, such as "mailto:ops@example.com". */
static int
is_contact(const char *s)
{
	size_t	i, scheme = strspn(s, "abcdefghijklmnopqrstuvwxyz+-.");

	if (scheme == 0 || s[scheme] != ':' || s[scheme + 1] == '\0')
		return 0;
	for (i = 0; s[i] != '\0'; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return 0;
	return i <= LIMIT_ACME_TEXT;
}

static int
put_contacts(json_t *o, const struct account_want *w, struct err *e)
{
	json_t	*a;
	size_t	 i;

	if (w->ncontacts > LIMIT_ACME_CONTACTS)
		return err_set(e, ERR_LIMIT, "an account has at most %u "
		    "contacts", LIMIT_ACME_CONTACTS);
	for (i = 0; i < w->ncontacts; i++)
		if (!is_contact(w->contacts[i]))
			return err_set(e, ERR_FORMAT, "contact %zu must be a "
			    "URL such as mailto:ops@example.com", i + 1);
	a = json_array();
	for (i = 0; i < w->ncontacts; i++)
		(void)json_array_append_new(a, json_string(w->contacts[i]));
	(void)json_object_set_new(o, "contact", a);
	return 0;
}

char *
account_new(const struct account_want *w, struct err *e)
{
	json_t	*o = json_object(), *jws;

	if (w->only_existing) {
		(void)json_object_set_new(o, "onlyReturnExisting",
		    json_true());
		return doc_end(o);
	}
	if (w->ncontacts != 0 && put_contacts(o, w, e) == -1) {
		json_decref(o);
		return NULL;
	}
	if (w->agree)
		(void)json_object_set_new(o, "termsOfServiceAgreed",
		    json_true());
	if (w->binding != NULL) {
		jws = jws_object(w->binding);
		if (jws == NULL) {
			(void)err_set(e, ERR_FORMAT, "the external account "
			    "binding is no flattened JWS (RFC 8555 7.3.4)");
			json_decref(o);
			return NULL;
		}
		(void)json_object_set_new(o, "externalAccountBinding", jws);
	}
	return doc_end(o);
}

char *
account_update(const struct account_want *w, struct err *e)
{
	json_t	*o = json_object();

	if (put_contacts(o, w, e) == -1) {
		json_decref(o);
		return NULL;
	}
	return doc_end(o);
}

char *
account_close(void)
{
	return mem_str("{\"status\":\"deactivated\"}");
}

char *
account_key_inner(const char *url, const char *old_jwk, struct err *e)
{
	struct url	 u;
	json_t		*o, *jwk;

	if (url_read(url, &u, e) == -1) {
		(void)err_prefix(e, "account");
		return NULL;
	}
	jwk = doc_object(SPAN_STR(old_jwk), LIMIT_ACME_PROBLEM, "old key",
	    e);
	if (jwk == NULL)
		return NULL;
	if (!json_is_string(json_object_get(jwk, "kty")) ||
	    json_object_get(jwk, "d") != NULL) {
		(void)err_set(e, ERR_FORMAT, "old key: must be a public JWK "
		    "(RFC 7517)");
		json_decref(jwk);
		return NULL;
	}
	o = json_object();
	(void)json_object_set_new(o, "account", json_string(url));
	(void)json_object_set_new(o, "oldKey", jwk);
	return doc_end(o);
}

char *
account_key_change(const char *text, struct err *e)
{
	json_t	*jws = jws_object(text);

	if (jws == NULL) {
		(void)err_set(e, ERR_FORMAT, "the inner part of a key change "
		    "is no flattened JWS (RFC 8555 7.3.5)");
		return NULL;
	}
	return doc_end(jws);
}

/* --- answers --- */

/* The CA refused: its problem, and a sentence. */
static int
refused(const struct acme_reply *r, const struct account_ask *a,
    struct problem *p, struct err *e)
{
	struct buf	b = BUF_INIT;

	problem_read(p, r, a->now);
	problem_say(p, &b);
	(void)err_set(e, ERR_HTTP, "%s", buf_text(&b));
	buf_free(&b);
	return -1;
}

static int
status_read(const json_t *o, enum account_status *out, struct err *e)
{
	static const char *const names[] = {
		[ACCOUNT_VALID] = "valid",
		[ACCOUNT_DEACTIVATED] = "deactivated",
		[ACCOUNT_REVOKED] = "revoked",
	};
	const char		*s;
	size_t			 i;

	if (doc_need(o, "status", LIMIT_ACME_TEXT, &s, e) == -1)
		return -1;
	for (i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(s, names[i]) == 0) {
			*out = (enum account_status)i;
			return 0;
		}
	return err_set(e, ERR_FORMAT, "status: must be valid, deactivated or "
	    "revoked (RFC 8555 7.1.6)");
}

static int
body_read(struct account *out, const struct acme_reply *r, struct err *e)
{
	static const size_t	 caps[2] = { LIMIT_ACME_CONTACTS,
				    LIMIT_ACME_TEXT };
	struct doc_list		 l = { NULL, 0 };
	json_t			*o;
	int			 rc;

	o = doc_object(r->body, LIMIT_ACME_BODY, "account", e);
	if (o == NULL)
		return -1;
	rc = status_read(o, &out->status, e);
	if (rc == 0)
		rc = doc_list(o, "contact", caps, &l, e);
	out->contacts = l.v;
	out->ncontacts = l.n;
	json_decref(o);
	return rc == 0 ? 0 : err_prefix(e, "account");
}

int
account_read(struct account *out, const struct acme_reply *r,
    const struct account_ask *a, struct problem *p, struct err *e)
{
	const char	*url = a->url;

	memset(out, 0, sizeof(*out));
	memset(p, 0, sizeof(*p));
	if (r->status != 200 && (r->status != 201 || a->url != NULL))
		return refused(r, a, p, e);
	out->created = r->status == 201;
	if (url == NULL)
		url = r->location;
	if (url == NULL || *url == '\0')
		return err_set(e, ERR_FORMAT, "account: the CA did not say "
		    "its URL (Location, RFC 8555 7.3)");
	if (url_check(a->pin, url, "account", e) == -1)
		return -1;
	out->url = mem_str(url);
	return body_read(out, r, e);
}

void
account_free(struct account *a)
{
	struct doc_list	l = { a->contacts, a->ncontacts };

	free(a->url);
	doc_list_free(&l);
	memset(a, 0, sizeof(*a));
}

int
account_key_changed(const struct acme_reply *r, const struct account_ask *a,
    struct problem *p, struct err *e)
{
	memset(p, 0, sizeof(*p));
	if (r->status == 200)
		return 0;
	if (r->status != 409)
		return refused(r, a, p, e);
	problem_read(p, r, a->now);
	if (r->location != NULL &&
	    url_check(a->pin, r->location, "Location", NULL) == 0)
		return err_set(e, ERR_HTTP, "the new key belongs to the "
		    "account %.300s already; take another key", r->location);
	return err_set(e, ERR_HTTP, "the new key belongs to an account of "
	    "this CA already; take another key");
}
