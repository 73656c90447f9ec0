#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auditor/cmd/known_import.h"
#include "auditor/db/known.h"
#include "base/mem.h"
#include "pki/name.h"
#include "pki/owner.h"

/*
 * What crt.sh calls issuers are names from certificates.  They are good
 * enough for unproven history, which only tells usual from new; no decision
 * ever asks for them.
 */
static const struct {
	const char	*organization;	/* begins with, any case */
	const char	*owner;
} organizations[] = {
	{ "Let's Encrypt", "letsencrypt.org" },
	{ "Internet Security Research Group", "letsencrypt.org" },
	{ "DigiCert", "digicert.com" },
	{ "GeoTrust", "digicert.com" },
	{ "Thawte", "digicert.com" },
	{ "RapidSSL", "digicert.com" },
	{ "Sectigo", "sectigo.com" },
	{ "COMODO", "sectigo.com" },
	{ "ZeroSSL", "sectigo.com" },
	{ "The USERTRUST Network", "sectigo.com" },
	{ "Google Trust Services", "pki.goog" },
	{ "Amazon", "amazon.com" },
	{ "GlobalSign", "globalsign.com" },
	{ "Entrust", "entrust.net" },
	{ "GoDaddy", "godaddy.com" },
	{ "Starfield", "starfieldtech.com" },
	{ "IdenTrust", "identrust.com" },
	{ "SSL Corp", "ssl.com" },
	{ "Buypass", "buypass.com" },
	{ "Actalis", "actalis.it" },
	{ "Certum", "certum.pl" },
	{ "Unizeto", "certum.pl" },
	{ "HARICA", "harica.gr" },
	{ "Hellenic Academic", "harica.gr" },
	{ "SwissSign", "swisssign.com" },
	{ "QuoVadis", "quovadisglobal.com" },
	{ "D-Trust", "d-trust.net" },
	{ "Microsoft", "microsoft.com" },
	{ "Apple", "pki.apple.com" },
};

/* The O= of an issuer's name as crt.sh writes it; free() it. */
static char *
organization(const char *issuer)
{
	const char	*p = issuer, *end;

	while ((p = strstr(p, "O=")) != NULL) {
		if (p == issuer || p[-1] == ' ' || p[-1] == ',')
			break;
		p += 2;
	}
	if (p == NULL)
		return NULL;
	p += 2;
	if (*p == '"') {
		end = strchr(++p, '"');
		return end == NULL ? mem_str(p) : mem_dup(p,
		    (size_t)(end - p));
	}
	end = strstr(p, ", ");
	return end == NULL ? mem_str(p) : mem_dup(p, (size_t)(end - p));
}

static const char *
owner_named(const char *o)
{
	const char	*id = owner_identifier(o);
	size_t		 i;

	if (owner_known(id))
		return id;
	for (i = 0; i < sizeof(organizations) / sizeof(organizations[0]); i++)
		if (strncasecmp(organizations[i].organization, o,
		    strlen(organizations[i].organization)) == 0)
			return organizations[i].owner;
	return NULL;
}

/* Add the lines of a text as names of that owner: {owner: {name: true}}. */
static void
collect(json_t *pairs, const char *owner, const char *text)
{
	json_t	*names = json_object_get(pairs, owner);
	char	*own, *p, *save = NULL, fold[NAME_TEXT];

	if (names == NULL) {
		names = json_object();
		json_object_set_new(pairs, owner, names);
	}
	own = mem_str(text);
	for (p = strtok_r(own, "\n", &save); p != NULL;
	    p = strtok_r(NULL, "\n", &save))
		if (name_fold(p, strlen(p), fold, sizeof(fold)) != -1)
			json_object_set_new(names, fold, json_true());
	free(own);
}

static int
store(struct cmd_ctx *ctx, json_t *pairs, const char *place, size_t *fresh,
    struct err *e)
{
	struct known	 x;
	const char	*owner, *name;
	json_t		*names, *v;
	int		 k;

	memset(&x, 0, sizeof(x));
	x.until = INT64_MIN;
	x.trust = x.origin = "seed";
	x.place = place;
	x.author = cmd_actor();
	json_object_foreach(pairs, owner, names) {
		json_object_foreach(names, name, v) {
			(void)v;
			x.issuer_owner = owner;
			x.names.v = &name;
			x.names.n = 1;
			if ((k = known_add(ctx->db, &x, e)) == -1)
				return -1;
			*fresh += (size_t)k;
		}
	}
	return 0;
}

int
known_import_seed(struct cmd_ctx *ctx, const char *json, size_t n,
    const char *place, size_t *pairs, size_t *unknown, struct err *e)
{
	json_t		*a, *all = json_object(), *none = json_object(), *x;
	json_error_t	 je;
	const char	*issuer, *owner, *names, *cn;
	char		*o;
	size_t		 i;
	int		 rc = -1;

	*pairs = *unknown = 0;
	if ((a = json_loadb(json, n, 0, &je)) == NULL || !json_is_array(a)) {
		err_set(e, ERR_FORMAT, "%s:%d: not the JSON of crt.sh (an "
		    "array of objects): %s", place, a == NULL ? je.line : 1,
		    a == NULL ? je.text : "no array");
		goto out;
	}
	for (i = 0; i < json_array_size(a); i++) {
		x = json_array_get(a, i);
		issuer = json_string_value(json_object_get(x, "issuer_name"));
		names = json_string_value(json_object_get(x, "name_value"));
		cn = json_string_value(json_object_get(x, "common_name"));
		if (issuer == NULL || (names == NULL && cn == NULL)) {
			err_set(e, ERR_FORMAT, "%s: object %zu has no "
			    "issuer_name, or neither name_value nor "
			    "common_name", place, i);
			goto out;
		}
		o = organization(issuer);
		owner = o != NULL ? owner_named(o) : NULL;
		if (owner == NULL)
			json_object_set_new(none, o != NULL ? o : issuer,
			    json_true());
		if (owner != NULL && names != NULL)
			collect(all, owner, names);
		if (owner != NULL && cn != NULL)
			collect(all, owner, cn);
		free(o);
	}
	*unknown = json_object_size(none);
	if (db_begin(ctx->db, e) == -1)
		goto out;
	if (store(ctx, all, place, pairs, e) == -1 ||
	    cmd_audit(ctx, "known.seed", json_pack("{ss sI}", "file", place,
	    "pairs", (json_int_t)*pairs), e) == -1)
		db_rollback(ctx->db);
	else
		rc = db_commit(ctx->db, e);
out:
	json_decref(a);
	json_decref(all);
	json_decref(none);
	return rc;
}
