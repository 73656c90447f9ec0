#include "auditor/ari_place.h"

#include <stdlib.h>

#include "base/mem.h"

/* CAs whose renewalInfo is public and known, by the owner of their keys. */
static const char *const builtin_issuer[] = { "letsencrypt.org" };
static const char *const builtin_url[] = {
	"https://acme-v02.api.letsencrypt.org/acme/renewal-info"
};

void
ari_place(const struct conf *c, struct ari_places *p)
{
	const char	**issuer = mem_array(c->naudit_ari + 1, sizeof(*issuer));
	const char	**url = mem_array(c->naudit_ari + 1, sizeof(*url));
	size_t		  i;

	for (i = 0; i < c->naudit_ari; i++) {
		issuer[i] = c->audit_ari[i].issuer;
		url[i] = c->audit_ari[i].url;
	}
	p->first_issuer = (struct db_strs){ issuer, i };
	p->first_url = (struct db_strs){ url, i };
	p->last_issuer = (struct db_strs){ builtin_issuer,
	    sizeof(builtin_issuer) / sizeof(builtin_issuer[0]) };
	p->last_url = (struct db_strs){ builtin_url,
	    sizeof(builtin_url) / sizeof(builtin_url[0]) };
}

void
ari_place_free(struct ari_places *p)
{
	free((void *)(uintptr_t)p->first_issuer.v);
	free((void *)(uintptr_t)p->first_url.v);
}
