#ifndef TESTS_UNIT_CTLOG_SCTS_FIXTURE_H
#define TESTS_UNIT_CTLOG_SCTS_FIXTURE_H

/* Certificates, logs and CAs of our own; the data of others is elsewhere. */

#include "tests/unit/ctlog/data.h"

#include "base/clk.h"
#include "base/limit.h"
#include "base/sha.h"
#include "ctlog/scts.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "tests/unit/ctlog/made_sct.h"
#include "tests/unit/pki/forge.h"

/* Certificates, logs and CAs of our own; the data of others is elsewhere. */

#define FROM	1780000000LL		/* seconds */
#define TO	1785000000LL
#define AT	(1782000000LL * CLK_SEC)
#define TS	1780000000000ULL	/* ms */

static struct made_logs	logs;
static struct made_ca	root, other, pre;

static inline int
setup(void **state)
{
	(void)state;
	made_logs(&logs, 6);
	made_ca(&root, "root", NULL, 0);
	/* The same name, another key. */
	made_ca(&other, "root", NULL, 0);
	made_ca(&pre, "presigner", &root, 1);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	made_logs_free(&logs);
	made_ca_free(&root);
	made_ca_free(&other);
	made_ca_free(&pre);
	return 0;
}

/* A certificate with one SCT of log ${i}, dated ${ts}; ext may be empty. */
static inline void
leaf(struct buf *cert, size_t i, uint64_t ts, struct span ext)
{
	struct made_leaf	l;
	struct buf		items = BUF_INIT, sct = BUF_INIT;

	made_leaf(&l, &root, FROM, TO);
	l.en.timestamp = ts;
	l.en.ext = ext;
	made_sct(&sct, &logs, i, &l.en);
	made_item(&items, &sct);
	made_leaf_done(&l, &items, cert);
	buf_free(&items);
	buf_free(&sct);
}

/* Judge with the root at hand; fails the test when that cannot be done. */
static inline void
judge(struct span cert, struct span tls, struct span ocsp, struct scts *s)
{
	static struct span	issuer;
	struct scts_in		in = { cert, &issuer, 1, tls, ocsp,
				    &logs.list, AT };
	struct err		e = ERR_INIT;

	issuer = buf_bytes(&root.der);
	if (scts_read(&in, s, &e) == -1)
		fail_msg("%s", e.msg);
}

#define NONE ((struct span){ NULL, 0 })

#endif
