#include "auditor/cmd/revoke_same.h"

#include <stdio.h>
#include <stdlib.h>

#include "auditor/cmd/opt.h"

/* Names of each that are shown. */
#define SHOWN	5

int
revoke_same(struct db *db, const struct revoke_target *t, struct db_res **r,
    struct err *e)
{
	const struct span	key = { t->cert.spki_sha256, 32 };
	const struct span	tbs = { t->cert.tbs_sha256, 32 };

	return db_query(db, r, e, "select encode(x.tbs, 'hex'), x.names, "
	    "exists (select from acme_order o where o.spki_sha256 = $1 and "
	    "o.key_id <> ''), exists (select from acme_received a where "
	    "a.tbs_sha256 = x.tbs) from (select i.tbs_sha256 as tbs, i.names, "
	    "i.not_after, i.first_seen as at from issuance i where "
	    "i.spki_sha256 = $1 and not exists (select from revocation r "
	    "where r.issuer_spki_sha256 = i.issuer_spki_sha256 and r.serial "
	    "= i.serial and r.status = 'revoked') union all select "
	    "a.tbs_sha256, a.names, a.not_after, a.received_at from "
	    "acme_received a join acme_order o on o.id = a.order_id where "
	    "o.spki_sha256 = $1 and not exists (select from issuance i where "
	    "i.tbs_sha256 = a.tbs_sha256)) x where x.tbs <> $2 and "
	    "x.not_after > now() order by x.at, x.tbs", "bb", &key, &tbs);
}

void
revoke_same_say(const struct db_res *r)
{
	struct buf	 names = BUF_INIT;
	char		*clean;
	size_t		 i;

	for (i = 0; i < db_rows(r); i++) {
		buf_reset(&names);
		opt_join(r, i, REVOKE_SAME_NAMES, SHOWN, &names);
		clean = cmd_clean(buf_text(&names));
		fprintf(stderr, "certvigil: the same key is in %s (%s): %s\n",
		    db_text(r, i, REVOKE_SAME_TBS), clean,
		    db_bool(r, i, REVOKE_SAME_KEY) ? "revoked with that key" :
		    db_bool(r, i, REVOKE_SAME_OURS) ? "revoked by the account "
		    "that ordered it" :
		    "its key is not here: the CA that issued it has to");
		free(clean);
	}
	buf_free(&names);
}
