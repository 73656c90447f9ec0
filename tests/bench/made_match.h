#ifndef TESTS_BENCH_MADE_MATCH_H
#define TESTS_BENCH_MADE_MATCH_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "auditor/role/judge.h"
#include "base/sha.h"
#include "ctlog/entry.h"

/* What matched, as a judge would say it, made up. */
#define CERT	1200	/* bytes of a certificate, and of a leaf */

static uint64_t	next_index;

struct made {
	uint8_t		 der[CERT], leaf[CERT];
	char		 name[3][40], serial[33];
	const char	*names[3];
	uint32_t	 watch;
	struct span	 chain;
	struct judge_match m;
};

static inline void
noise(uint8_t *p, size_t n, uint64_t seed)
{
	uint8_t	h[32];
	size_t	i;

	for (i = 0; i < n; i++, seed += i % 32 == 0) {
		if (i % 32 == 0)
			sha_256(h, (const uint8_t *)&seed, sizeof(seed));
		p[i] = h[i % 32];
	}
}

/* A certificate of its own that the CA signed, at the next index. */
static inline void
make(struct made *x)
{
	static const char	*const labels[] = { "", "www.", "api." };
	static uint8_t		 issuer[900];
	struct judge_match	*m = &x->m;
	uint64_t		 i = ++next_index;
	size_t			 k;

	memset(x, 0, sizeof(*x));
	noise(x->der, CERT, i << 20);
	noise(x->leaf, CERT, i << 20 | 1 << 19);
	snprintf(x->serial, sizeof(x->serial), "%032llx",
	    (unsigned long long)i);
	for (k = 0; k < 3; k++) {
		snprintf(x->name[k], sizeof(x->name[k]), "%sn%llu.a.example",
		    labels[k], (unsigned long long)i);
		x->names[k] = x->name[k];
	}
	m->index = i;
	m->timestamp_ms = 1790000000000ULL + i;
	m->type = ENTRY_X509;
	m->reason = "";
	m->issued = 1;
	m->leaf = (struct span){ x->leaf, CERT };
	m->der = (struct span){ x->der, CERT };
	sha_256(m->leaf_hash, x->leaf, CERT);
	sha_256(m->cert_sha256, x->der, CERT);
	sha_256(m->tbs_sha256, x->der, CERT - 1);
	sha_256(m->spki_sha256, x->der, 91);
	memset(m->issuer_spki, 4, 32);
	memset(m->chain_spki, 4, 32);
	m->serial = x->serial;
	m->key_type = "p256";
	m->owner = "ca.example";
	m->subject = x->name[0];
	m->issuer = "CN=Bench CA";
	m->not_before = 1780000000000000LL;
	m->not_after = 1800000000000000LL;
	m->nnames = 3;
	m->names = x->names;
	m->nhits = m->nchain = 1;
	m->hit_name = x->names;
	m->hit_watch = &x->watch;
	x->chain = (struct span){ issuer, sizeof(issuer) };
	m->chain = &x->chain;
	m->path.n = 20;
	noise(m->path.hash[0], 20 * sizeof(m->path.hash[0]), i << 20 | 1 << 18);
}

#endif
