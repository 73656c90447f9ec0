#include "auditor/role/audit.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/cert_find.h"
#include "auditor/db/cert_store.h"
#include "auditor/db/watcher.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/*
 * Kind "keys": the RSA keys of all certificates that are valid, whether two
 * of them have a factor in common.  Once a day; a few thousand keys take
 * seconds of a judge.
 */

#define EVERY_S		86400
#define PATIENCE_US	(600 * CLK_SEC)
/* Of one question: it is one message. */
#define BYTES		(12u << 20)

struct keys {
	struct db_res	*all;
	size_t		 n;		/* that were asked about */
	uint64_t	 ask_id;
};

static void
drop(struct audit_job *j)
{
	struct keys	*k = j->state;

	db_free(k->all);
	free(k);
}

static void
begin(struct audit_job *j)
{
	struct keys	*k = mem_zero(sizeof(*k));
	struct buf	 b = BUF_INIT, certs = BUF_INIT;
	struct err	 e = ERR_INIT;
	struct span	 der;
	size_t		 i;

	j->state = k;
	j->patience = PATIENCE_US;
	if (cert_store_keys(j->en->db, JUDGE_KEYS_MAX, &k->all, &e) == -1) {
		audit_fault(j, &e);
		return;
	}
	if (db_rows(k->all) < 2) {
		audit_done(j, EVERY_S);
		return;
	}
	for (i = 0; i < db_rows(k->all); i++) {
		der = db_bytes(k->all, i, 1);
		if (certs.n + der.n > BYTES)
			break;
		buf_vec32(&certs, der.p, der.n);
	}
	k->n = i;
	buf_u32(&b, (uint32_t)k->n);
	buf_span(&b, buf_bytes(&certs));
	buf_free(&certs);
	k->ask_id = audit_ask(j, JUDGE_KEYS, &b, NULL, 0);
	buf_free(&b);
}

/* Certificates of a key that is no secret any more. */
static int
shared(struct audit_job *j, const struct span *spki, struct err *e)
{
	struct db_res	*r = NULL;
	char		 hex[65];
	struct finding	 f = { .kind = "key.weak", .severity = "high",
	    .subject = hex, .reason = CERT_FIND_SHARED };
	struct span	 tbs;
	size_t		 i;
	int		 rc = 0;

	if (cert_store_shared(j->en->db, spki, CERT_FIND_SHARED, &r, e) == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++) {
		tbs = db_bytes(r, i, 0);
		if (tbs.n != 32)
			continue;
		(void)enc_hex_to(hex, tbs.p, 32);
		rc = watcher_open(j->en->db, tbs.p, &f, NULL, e);
	}
	db_free(r);
	return rc;
}

static void
judged(struct audit_job *j, const struct judge_reply *r, struct cur *cur)
{
	struct keys	*k = j->state;
	uint8_t		 bad[JUDGE_KEYS_MAX];
	struct err	 e = ERR_INIT;
	struct span	 spki;
	size_t		 n, i;

	if (r->id != k->ask_id)
		return;
	if (!r->ok || judge_keys_read(cur, bad, &n) == -1 ||
	    n != k->n) {
		audit_fail(j, r->ok ? "the judge talks nonsense" : r->msg);
		return;
	}
	if (audit_begin(j) == -1)
		return;
	for (i = 0; i < n; i++) {
		spki = db_bytes(k->all, i, 0);
		if (bad[i] && shared(j, &spki, &e) == -1) {
			audit_fault(j, &e);
			return;
		}
	}
	if (audit_commit(j) == 0)
		audit_done(j, EVERY_S);
}

const struct audit_kind audit_keys = {
	.name = "keys", .most = 1, .begin = begin, .judged = judged,
	.drop = drop
};
