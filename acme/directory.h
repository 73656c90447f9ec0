#ifndef ACME_DIRECTORY_H
#define ACME_DIRECTORY_H

#include <stddef.h>

#include "acme/url.h"
#include "base/cur.h"
#include "base/err.h"

/* The directory object (RFC 8555 7.1.1): where a CA's resources are. */

struct directory_profile {	/* acme-profiles 3 */
	char	*name;
	char	*text;		/* for people; the CA's: escape it */
};

/* Owns its strings; NULL where the CA has none. */
struct directory {
	char	*new_nonce;
	char	*new_account;
	char	*new_order;
	char	*new_authz;
	char	*revoke_cert;
	char	*key_change;
	char	*renewal_info;	/* RFC 9773 4.1 */
	char	*terms;		/* for people: not asked by us, not pinned */
	char	*website;
	char	**caa;		/* caaIdentities */
	size_t	 ncaa;
	int	 eab;		/* externalAccountRequired */
	struct directory_profile *profile;
	size_t	 nprofiles;
};

/*
 * Read it from a body of at most LIMIT_ACME_BODY.  newNonce, newAccount and
 * newOrder must be there; every URL that we would ask must fit ${pin}.  0, or
 * -1 with ERR_FORMAT, ERR_LIMIT or ERR_PERM.  directory_free() in any case.
 */
int directory_read(struct directory *, struct span body,
    const struct url_pin *pin, struct err *);
void directory_free(struct directory *);

/* Does it offer the profile? */
int directory_has_profile(const struct directory *, const char *name);

#endif
