#ifndef TESTS_UNIT_AUDITOR_JUDGE_SAID_FIXTURE_H
#define TESTS_UNIT_AUDITOR_JUDGE_SAID_FIXTURE_H

/* The answer of a judge about a certificate, with everything in it. */

#include "auditor/role/judge_audit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "auditor/assess.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/roots.h"
#include "tests/unit/auditor/said_kinds.h"
#include "tests/unit/pki/made.h"

/* The auditor's messages to judges and back, as bytes. */

static const uint8_t	some[96] = { 1, 2, 3 };

/* A judged certificate with two SCTs and two paths. */
static inline void
make_assess(struct assess *a, const struct made *leaf, const struct roots *r)
{
	static struct scts_one		scts[2];
	static struct chain_path	paths[2];
	static uint8_t			path[3][32];
	static char			 url[] = "http://aia/1";
	static char			*want[] = { url };
	struct assess_in		in;
	struct err			e = ERR_INIT;

	memset(&in, 0, sizeof(in));
	in.cert = buf_bytes(&leaf->der);
	in.name = "www.example.com";
	in.at = made_day("2026-06-01");
	if (assess_read(&in, a, &e) == -1)
		fail_msg("%s", e.msg);
	scts_free(&a->scts);
	chain_free(&a->chain);
	memset(scts, 0, sizeof(scts));
	memset(scts[0].log_id, 7, 32);
	memset(scts[0].leaf_hash, 8, 32);
	scts[0].timestamp = 1790000000000;
	scts[0].leaf_index = 5;
	scts[0].raw = SPAN_STR("raw");
	scts[1] = scts[0];
	scts[1].source = SCTS_OCSP;
	scts[1].status = SCTS_MALFORMED;
	scts[1].leaf_index = -1;
	(void)snprintf(scts[1].reason, sizeof(scts[1].reason), "cut short");
	a->scts.v = scts;
	a->scts.n = 2;
	a->scts.presigned = 1;
	memset(path, 3, sizeof(path));
	paths[0] = (struct chain_path){ .program = r, .verdict = CHAIN_TRUSTED,
	    .issued = CHAIN_UNKNOWN, .until = 1800000000000000, .path = path,
	    .n = 3 };
	paths[1] = (struct chain_path){ .program = r, .verdict =
	    CHAIN_UNTRUSTED, .issued = CHAIN_UNTRUSTED, .reason = "no",
	    .until = INT64_MIN, .path = path, .n = 0 };
	a->chain.paths = paths;
	a->chain.npaths = 2;
	a->chain.want = want;
	a->chain.nwant = 1;
	a->chain.exhausted = 1;
	a->weak = WEAK_ROCA;
	(void)snprintf(a->weak_why, sizeof(a->weak_why), "its modulus");
	a->issuer = 0;
	memset(a->issuer_sha256, 9, 32);
	memset(a->issuer_spki, 10, 32);
	a->policy[0].compliant = 1;
	a->policy[1].compliant = 0;
	(void)snprintf(a->policy[1].reason, sizeof(a->policy[1].reason),
	    "too few");
}

/* What make_assess() borrowed is not freed with the rest. */
static inline void
free_assess(struct assess *a)
{
	a->scts.v = NULL;
	a->scts.n = 0;
	memset(&a->chain, 0, sizeof(a->chain));
	assess_free(a);
}

static inline void
make_cert(struct buf *b)
{
	struct made	 leaf = made_cert((struct made_spec){ .cn = "",
			    .ext = { { "subjectAltName",
			    "DNS:www.example.com,DNS:\xc3\xbc.example",
			    { NULL, 0 }, 0 },
			    { "crlDistributionPoints", "URI:http://c/1",
			    { NULL, 0 }, 0 },
			    { "authorityInfoAccess", "OCSP;URI:http://o/,"
			    "caIssuers;URI:http://aia/0", { NULL, 0 }, 0 },
			    { "tlsfeature", "status_request", { NULL, 0 },
			    0 } } });
	struct roots	*r = roots_new("system");
	struct assess	 a;

	roots_done(r);
	make_assess(&a, &leaf, r);
	judge_cert_pack(b, &a);
	free_assess(&a);
	roots_free(r);
	made_free(&leaf);
}

#endif
