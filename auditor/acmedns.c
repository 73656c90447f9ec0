#include "auditor/acmedns.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

#define VALUE_LEN	43
#define FIELD_MAX	128u

static int
word_ok(const char *s, const char *more)
{
	size_t	i, n = strlen(s);

	for (i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') ||
		    (s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] >= '0' && s[i] <= '9') ||
		    strchr(more, s[i]) != NULL))
			return 0;
	return n > 0;
}

/* JSON of a bounded size, an object; NULL and the error. */
static json_t *
load(struct span s, unsigned cap, const char *what, struct err *e)
{
	json_error_t	 why;
	json_t		*o;

	if (s.n > cap) {
		(void)err_set(e, ERR_LIMIT, "%s has %zu bytes; at most %u are "
		    "read", what, s.n, cap);
		return NULL;
	}
	o = json_loadb((const char *)s.p, s.n, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(o)) {
		(void)err_set(e, ERR_FORMAT, "%s is no JSON object", what);
		json_decref(o);
		return NULL;
	}
	return o;
}

/* A field that is made of those characters, as a copy. */
static char *
field(const json_t *o, const char *name, const char *more, struct err *e)
{
	const char	*s = json_string_value(json_object_get(o, name));

	if (s != NULL && strlen(s) <= (more[0] == '.' ? 253 : FIELD_MAX) &&
	    word_ok(s, more))
		return mem_str(s);
	(void)err_set(e, ERR_CONF, "the acme-dns account has no usable "
	    "\"%s\": take what its /register answered", name);
	return NULL;
}

/* The account itself, or that of the name. */
static const json_t *
account_of(const json_t *o, const char *ident, struct err *e)
{
	const char	*key;
	json_t		*v;

	if (json_is_string(json_object_get(o, "username")))
		return o;
	json_object_foreach((json_t *)(uintptr_t)o, key, v)
		if (strcasecmp(key, ident) == 0 && json_is_object(v))
			return v;
	(void)err_set(e, ERR_NOENT, "there is no acme-dns account for %.120s: "
	    "register one with POST /register at the acme-dns server", ident);
	return NULL;
}

int
acmedns_read(struct span json, const char *ident, struct acmedns *a,
    struct err *e)
{
	json_t		*o = load(json, LIMIT_CONF_SECRET,
			    "the acme-dns account", e);
	const json_t	*v;

	memset(a, 0, sizeof(*a));
	if (o == NULL) {
		if (e != NULL && e->code == ERR_FORMAT)
			e->code = ERR_CONF;
		return -1;
	}
	if ((v = account_of(o, ident, e)) != NULL) {
		a->user = field(v, "username", "-_", e);
		a->key = field(v, "password", "-_", e);
		a->subdomain = field(v, "subdomain", "-_", e);
		a->fulldomain = field(v, "fulldomain", ".-_", e);
	}
	json_decref(o);
	if (a->user != NULL && a->key != NULL && a->subdomain != NULL &&
	    a->fulldomain != NULL)
		return 0;
	acmedns_free(a);
	return -1;
}

void
acmedns_free(struct acmedns *a)
{
	if (a->key != NULL)
		mem_wipe(a->key, strlen(a->key));
	free(a->user);
	free(a->key);
	free(a->subdomain);
	free(a->fulldomain);
	memset(a, 0, sizeof(*a));
}

int
acmedns_update(const struct acmedns *a, const char *base, const char *value,
    struct buf *url, struct message_req *req, struct err *e)
{
	size_t	n = strlen(base);

	if (strncmp(base, "https://", 8) != 0 &&
	    strncmp(base, "http://", 7) != 0)
		return err_set(e, ERR_CONF, "\"%.120s\" is no address of an "
		    "acme-dns server; write it like https://auth.example.org",
		    base);
	if (strlen(value) != VALUE_LEN || !word_ok(value, "-_"))
		return err_set(e, ERR_FORMAT, "acme-dns takes values of "
		    "exactly 43 characters of base64url");
	while (n > 0 && base[n - 1] == '/')
		n--;
	buf_reset(url);
	buf_add(url, base, n);
	buf_str(url, "/update");
	message_header(req, "Content-Type: application/json");
	message_header(req, "X-Api-User: %s", a->user);
	message_header(req, "X-Api-Key: %s", a->key);
	buf_fmt(&req->body, "{\"subdomain\":\"%s\",\"txt\":\"%s\"}",
	    a->subdomain, value);
	return 0;
}

/* ": " and what its answer calls the error, cleaned; "" when nothing. */
static void
error_of(struct span body, char *out, size_t n)
{
	json_t		*o = load(body, LIMIT_ACMEDNS, "the answer", NULL);
	struct buf	 b = BUF_INIT;

	message_clean(&b, json_string_value(json_object_get(o, "error")), 100,
	    "");
	(void)snprintf(out, n, "%s%s", b.n > 0 ? ": " : "", buf_text(&b));
	buf_free(&b);
	json_decref(o);
}

int
acmedns_said(const struct acmedns *a, long status, struct span body,
    const char *value, struct err *e)
{
	const char	*txt;
	json_t		*o;
	char		 why[128];
	int		 r = 0;

	error_of(body, why, sizeof(why));
	if (status == 401 || status == 403)
		return err_set(e, ERR_PERM, "acme-dns refuses account %s "
		    "(%ld%s): the password is wrong, or \"allowfrom\" has not "
		    "our address", a->subdomain, status, why);
	if (status == 400)
		return err_set(e, ERR_FORMAT, "acme-dns cannot use the update "
		    "of %s (400%s)", a->subdomain, why);
	if (status >= 500)
		return err_set(e, ERR_TEMP, "acme-dns failed to store the "
		    "value of %s (%ld%s): its log says why", a->subdomain,
		    status, why);
	if (status != 200)
		return err_set(e, ERR_HTTP, "acme-dns answers the update of "
		    "%s with status %ld%s", a->subdomain, status, why);
	if ((o = load(body, LIMIT_ACMEDNS, "the answer of acme-dns", e)) == NULL)
		return -1;
	txt = json_string_value(json_object_get(o, "txt"));
	if (txt == NULL || strcmp(txt, value) != 0)
		r = err_set(e, ERR_FORMAT, "acme-dns answers the update of "
		    "%s with another value than it was given", a->subdomain);
	json_decref(o);
	return r;
}

int
acmedns_place(const struct acmedns *a, const char *owner,
    const char *place, struct err *e)
{
	if (strcasecmp(place, a->fulldomain) == 0)
		return 0;
	return err_set(e, ERR_CONF, "%.120s does not lead to the "
	    "acme-dns account; make the record: %.120s. CNAME %.120s.", owner,
	    owner, a->fulldomain);
}
