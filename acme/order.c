#include "acme/order.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/doc.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

/* --- identifiers --- */

/* An address in its one form (RFC 5952): 1 when it is one. */
static int
address(const char *s, size_t n, char out[NAME_TEXT])
{
	unsigned char	a[16];
	char		text[64];

	if (n > 2 && s[0] == '[' && s[n - 1] == ']') {
		s++;
		n -= 2;
	}
	if (n >= sizeof(text))
		return 0;
	memcpy(text, s, n);
	text[n] = '\0';
	if (inet_pton(AF_INET, text, a) == 1)
		return inet_ntop(AF_INET, a, out, NAME_TEXT) != NULL;
	if (inet_pton(AF_INET6, text, a) == 1)
		return inet_ntop(AF_INET6, a, out, NAME_TEXT) != NULL;
	return 0;
}

/* A DNS name, perhaps with "*." in front. */
static int
name_read(const char *s, size_t n, struct order_ident *id, struct err *e)
{
	id->wildcard = n > 2 && s[0] == '*' && s[1] == '.';
	if (id->wildcard) {
		s += 2;
		n -= 2;
	}
	if (name_canon(s, n, id->text, e) == -1)
		return -1;
	/* all digits and dots: an address that is none */
	if (id->text[strspn(id->text, "0123456789.")] == '\0')
		return err_set(e, ERR_FORMAT, "neither a name nor an "
		    "address");
	return 0;
}

int
order_ident(const char *text, struct order_ident *id, struct err *e)
{
	size_t	n = strlen(text);

	memset(id, 0, sizeof(*id));
	if (address(text, n, id->text)) {
		id->ip = 1;
		return 0;
	}
	return name_read(text, n, id, e);
}

char *
order_text(const struct order_ident *id, char out[ORDER_TEXT])
{
	(void)snprintf(out, ORDER_TEXT, "%s%s", id->wildcard ? "*." : "",
	    id->text);
	return out;
}

int
order_ident_read(const json_t *o, struct order_ident *id, struct err *e)
{
	const char	*type, *value;

	memset(id, 0, sizeof(*id));
	if (!json_is_object(o))
		return err_set(e, ERR_FORMAT, "identifier: must be an "
		    "object (RFC 8555 7.1.3)");
	if (doc_need(o, "type", LIMIT_ACME_TEXT, &type, e) == -1 ||
	    doc_need(o, "value", LIMIT_ACME_TEXT, &value, e) == -1)
		return err_prefix(e, "identifier");
	if (strcmp(type, "dns") == 0) {
		if (name_read(value, strlen(value), id, e) == -1)
			return err_prefix(e, "identifier");
		return 0;
	}
	id->ip = 1;
	if (strcmp(type, "ip") == 0 && value[0] != '[' &&
	    address(value, strlen(value), id->text))
		return 0;
	return err_set(e, ERR_FORMAT, "identifier: must be of type dns, or "
	    "of type ip with an address (RFC 8738)");
}

static int
same(const struct order_ident *a, const struct order_ident *b)
{
	return a->ip == b->ip && a->wildcard == b->wildcard &&
	    strcmp(a->text, b->text) == 0;
}

long
order_find(const struct order_ident *v, size_t n,
    const struct order_ident *id)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (same(&v[i], id))
			return (long)i;
	return -1;
}

/* --- what is sent --- */

char *
order_new(const struct order_want *w)
{
	char	 text[ORDER_TEXT], when[CLK_TEXT];
	json_t	*o = json_object(), *a = json_array(), *id;
	size_t	 i;

	for (i = 0; i < w->n; i++) {
		id = json_object();
		(void)json_object_set_new(id, "type",
		    json_string(w->ident[i].ip ? "ip" : "dns"));
		(void)json_object_set_new(id, "value",
		    json_string(order_text(&w->ident[i], text)));
		(void)json_array_append_new(a, id);
	}
	(void)json_object_set_new(o, "identifiers", a);
	if (w->not_after != 0)
		(void)json_object_set_new(o, "notAfter",
		    json_string(clk_text(w->not_after, when)));
	if (w->profile != NULL)
		(void)json_object_set_new(o, "profile",
		    json_string(w->profile));
	if (w->replaces != NULL)
		(void)json_object_set_new(o, "replaces",
		    json_string(w->replaces));
	return doc_end(o);
}

char *
order_finalize(const char *csr, struct err *e)
{
	json_t	*o;

	if (strlen(csr) > LIMIT_ACME_CSR) {
		(void)err_set(e, ERR_LIMIT, "a CSR of more than %u "
		    "characters", LIMIT_ACME_CSR);
		return NULL;
	}
	if (!doc_is_b64url(csr, 1, LIMIT_ACME_CSR)) {
		(void)err_set(e, ERR_FORMAT, "a CSR must be base64url of its "
		    "DER (RFC 8555 7.4)");
		return NULL;
	}
	o = json_object();
	(void)json_object_set_new(o, "csr", json_string(csr));
	return doc_end(o);
}

/* --- what comes back --- */

static int
status_read(const json_t *o, enum order_status *out, struct err *e)
{
	static const char *const names[] = {
		[ORDER_PENDING] = "pending",
		[ORDER_READY] = "ready",
		[ORDER_PROCESSING] = "processing",
		[ORDER_VALID] = "valid",
		[ORDER_INVALID] = "invalid",
	};
	const char		*s;
	size_t			 i;

	if (doc_need(o, "status", LIMIT_ACME_TEXT, &s, e) == -1)
		return -1;
	for (i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(s, names[i]) == 0) {
			*out = (enum order_status)i;
			return 0;
		}
	return err_set(e, ERR_FORMAT, "status: is none of an order (RFC 8555 "
	    "7.1.6)");
}

/* The identifiers must be the ones that were ordered: all, and no other. */
static int
idents_check(const json_t *o, const struct order_want *w, struct err *e)
{
	struct order_ident	 id;
	char			 text[ORDER_TEXT];
	char			 seen[LIMIT_ACME_NAMES] = { 0 };
	const json_t		*a;
	size_t			 i;
	long			 at;

	if (doc_array(o, "identifiers", LIMIT_ACME_NAMES, &a, e) == -1)
		return -1;
	for (i = 0; i < json_array_size(a); i++) {
		if (order_ident_read(json_array_get(a, i), &id, e) == -1)
			return -1;
		at = order_find(w->ident, w->n, &id);
		if (at == -1)
			return err_set(e, ERR_FORMAT, "identifiers: the CA "
			    "added %s, which was not ordered",
			    order_text(&id, text));
		seen[at] = 1;
	}
	for (i = 0; i < w->n; i++)
		if (!seen[i])
			return err_set(e, ERR_FORMAT, "identifiers: the CA "
			    "left out %s", order_text(&w->ident[i], text));
	return 0;
}

static int
authzs_read(struct order *out, const json_t *o, const struct url_pin *pin,
    struct err *e)
{
	static const size_t	caps[2] = { LIMIT_ACME_NAMES,
				    LIMIT_ACME_URL };
	struct doc_list		l;
	size_t			i, k;

	if (doc_list(o, "authorizations", caps, &l, e) == -1)
		return -1;
	out->authz = l.v;
	out->nauthz = l.n;
	if (l.n == 0)
		return err_set(e, ERR_FORMAT, "authorizations: there are "
		    "none (RFC 8555 7.1.3)");
	for (i = 0; i < l.n; i++) {
		if (url_check(pin, l.v[i], "authorizations", e) == -1)
			return -1;
		for (k = 0; k < i; k++)
			if (strcmp(l.v[i], l.v[k]) == 0)
				return err_set(e, ERR_FORMAT,
				    "authorizations: one is there twice");
	}
	return 0;
}

/* A URL of the order, checked. */
static int
link_read(const json_t *o, const char *key, const struct url_pin *pin,
    char **out, struct err *e)
{
	const char	*text;

	if (doc_need(o, key, LIMIT_ACME_URL, &text, e) == -1 ||
	    url_check(pin, text, key, e) == -1)
		return -1;
	*out = mem_str(text);
	return 0;
}

static int
members_read(struct order *out, const json_t *o, const struct order_want *w,
    const struct url_pin *pin, struct err *e)
{
	const json_t	*error = json_object_get(o, "error");
	const char	*profile;

	if (status_read(o, &out->status, e) == -1 ||
	    idents_check(o, w, e) == -1 ||
	    authzs_read(out, o, pin, e) == -1 ||
	    link_read(o, "finalize", pin, &out->finalize, e) == -1 ||
	    doc_time(o, "expires", &out->expires, e) == -1 ||
	    doc_text(o, "profile", LIMIT_ACME_TEXT, &profile, e) == -1)
		return -1;
	out->profile = mem_str(profile);
	if (out->status == ORDER_VALID &&
	    link_read(o, "certificate", pin, &out->certificate, e) == -1)
		return -1;
	if (error != NULL && json_is_object(error)) {
		out->failed = 1;
		problem_object(&out->error, error);
	}
	return 0;
}

int
order_read(struct order *out, struct span body, const struct order_want *w,
    const struct url_pin *pin, struct err *e)
{
	json_t	*o;
	int	 rc;

	memset(out, 0, sizeof(*out));
	o = doc_object(body, LIMIT_ACME_BODY, "order", e);
	if (o == NULL)
		return -1;
	rc = members_read(out, o, w, pin, e);
	json_decref(o);
	return rc == 0 ? 0 : err_prefix(e, "order");
}

void
order_free(struct order *o)
{
	struct doc_list	l = { o->authz, o->nauthz };

	doc_list_free(&l);
	free(o->finalize);
	free(o->certificate);
	free(o->profile);
	problem_free(&o->error);
	memset(o, 0, sizeof(*o));
}
