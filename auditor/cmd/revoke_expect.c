#include "auditor/cmd/revoke_expect.h"

#include <string.h>

#include "auditor/cmd/cmd.h"
#include "auditor/db/expect.h"
#include "auditor/serials.h"
#include "base/clk.h"
#include "base/enc.h"

/* A CA has a day for it (Baseline Requirements, 4.9.1.1 and 4.9.7). */
#define BY_US	(86400 * CLK_SEC)

static int
find(struct db *db, struct revoke_expect *x, struct err *e)
{
	const struct span	 key = { x->issuer, 32 };
	struct db_res		*r = NULL;

	if (db_query(db, &r, e, "select id from expectation where kind = "
	    "'revocation' and state = 'open' and issuer_spki_sha256 = $1 "
	    "and serial = $2 limit 1", "bs", &key, x->serial) == -1)
		return -1;
	x->id = db_rows(r) != 0 ? db_int(r, 0, 0) : 0;
	db_free(r);
	return 0;
}

int
revoke_expect_set(struct db *db, const struct revoke_expect *x, int reason,
    struct err *e)
{
	char				 hex[65], *issuer = hex;
	char				*serial = x->serial;
	const struct serials		 s = { &serial, &issuer, 1, 1, 1 };
	struct expect_revocation	 r;
	size_t				 added, changed;

	(void)enc_hex_to(hex, x->issuer, 32);
	memset(&r, 0, sizeof(r));
	r.serials = &s;
	r.by_ms = x->until / 1000;
	r.reason_code = reason;
	r.author = cmd_actor();
	return expect_revocation_add(db, &r, &added, &changed, e);
}

int
revoke_expect_open(struct db *db, struct revoke_expect *x, int reason,
    struct err *e)
{
	x->until = clk_wall() + BY_US;
	if (find(db, x, e) == -1)
		return -1;
	x->fresh = x->id == 0;
	return !x->fresh || (revoke_expect_set(db, x, reason, e) == 0 &&
	    find(db, x, e) == 0) ? 0 : -1;
}
