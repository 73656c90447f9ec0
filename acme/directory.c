#include "acme/directory.h"

#include <stdlib.h>
#include <string.h>

#include "acme/doc.h"
#include "base/limit.h"
#include "base/mem.h"

/* A URL that we will ask. */
static int
resource(const json_t *o, const char *key, const struct url_pin *pin,
    char **out, struct err *e)
{
	const char	*text;

	if (doc_text(o, key, LIMIT_ACME_URL, &text, e) == -1)
		return -1;
	if (text == NULL || *text == '\0')
		return 0;
	if (url_check(pin, text, key, e) == -1)
		return -1;
	*out = mem_str(text);
	return 0;
}

static int
profiles_read(struct directory *d, const json_t *meta, struct err *e)
{
	json_t		*o = json_object_get(meta, "profiles"), *v;
	const char	*name;

	if (o == NULL || json_is_null(o))
		return 0;
	if (!json_is_object(o))
		return err_set(e, ERR_FORMAT, "profiles: must be an object");
	if (json_object_size(o) > LIMIT_ACME_PROFILES)
		return err_set(e, ERR_LIMIT, "profiles: %zu, at most %u make "
		    "sense", json_object_size(o), LIMIT_ACME_PROFILES);
	d->profile = mem_array(json_object_size(o), sizeof(*d->profile));
	json_object_foreach(o, name, v) {
		if (!json_is_string(v) ||
		    json_string_length(v) > LIMIT_ACME_TEXT ||
		    strlen(name) > LIMIT_ACME_TEXT)
			return err_set(e, ERR_FORMAT, "profiles: names and "
			    "descriptions must be strings of at most %u "
			    "bytes", LIMIT_ACME_TEXT);
		d->profile[d->nprofiles].name = mem_str(name);
		d->profile[d->nprofiles++].text =
		    mem_str(json_string_value(v));
	}
	return 0;
}

static int
meta_read(struct directory *d, const json_t *meta, struct err *e)
{
	static const size_t	 caa[2] = { LIMIT_ACME_CAA, 253 };
	struct doc_list		 l;
	const char		*terms, *site;

	if (meta == NULL || json_is_null(meta))
		return 0;
	if (!json_is_object(meta))
		return err_set(e, ERR_FORMAT, "meta: must be an object");
	if (doc_text(meta, "termsOfService", LIMIT_ACME_TEXT, &terms, e)
	    == -1 ||
	    doc_text(meta, "website", LIMIT_ACME_TEXT, &site, e) == -1 ||
	    doc_bool(meta, "externalAccountRequired", &d->eab, e) == -1 ||
	    doc_list(meta, "caaIdentities", caa, &l, e) == -1)
		return -1;
	d->terms = mem_str(terms);
	d->website = mem_str(site);
	d->caa = l.v;
	d->ncaa = l.n;
	return profiles_read(d, meta, e);
}

static int
all_read(struct directory *d, const json_t *o, const struct url_pin *pin,
    struct err *e)
{
	if (resource(o, "newNonce", pin, &d->new_nonce, e) == -1 ||
	    resource(o, "newAccount", pin, &d->new_account, e) == -1 ||
	    resource(o, "newOrder", pin, &d->new_order, e) == -1 ||
	    resource(o, "newAuthz", pin, &d->new_authz, e) == -1 ||
	    resource(o, "revokeCert", pin, &d->revoke_cert, e) == -1 ||
	    resource(o, "keyChange", pin, &d->key_change, e) == -1 ||
	    resource(o, "renewalInfo", pin, &d->renewal_info, e) == -1 ||
	    meta_read(d, json_object_get(o, "meta"), e) == -1)
		return -1;
	if (d->new_nonce == NULL || d->new_account == NULL ||
	    d->new_order == NULL)
		return err_set(e, ERR_FORMAT, "newNonce, newAccount or "
		    "newOrder is missing: this is no ACME directory (RFC "
		    "8555 7.1.1); see whether its URL is right");
	return 0;
}

int
directory_read(struct directory *d, struct span body,
    const struct url_pin *pin, struct err *e)
{
	json_t	*o;
	int	 rc;

	memset(d, 0, sizeof(*d));
	o = doc_object(body, LIMIT_ACME_BODY, "directory", e);
	if (o == NULL)
		return -1;
	rc = all_read(d, o, pin, e);
	json_decref(o);
	return rc == 0 ? 0 : err_prefix(e, "directory");
}

void
directory_free(struct directory *d)
{
	struct doc_list	caa = { d->caa, d->ncaa };
	size_t		i;

	free(d->new_nonce);
	free(d->new_account);
	free(d->new_order);
	free(d->new_authz);
	free(d->revoke_cert);
	free(d->key_change);
	free(d->renewal_info);
	free(d->terms);
	free(d->website);
	doc_list_free(&caa);
	for (i = 0; i < d->nprofiles; i++) {
		free(d->profile[i].name);
		free(d->profile[i].text);
	}
	free(d->profile);
	memset(d, 0, sizeof(*d));
}

int
directory_has_profile(const struct directory *d, const char *name)
{
	size_t	i;

	for (i = 0; i < d->nprofiles; i++)
		if (strcmp(d->profile[i].name, name) == 0)
			return 1;
	return 0;
}
