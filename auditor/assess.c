#include "auditor/assess.h"

#include <string.h>

#include "base/sha.h"
#include "pki/der.h"

/* Proven, by a log that browsers go by. */
static int
counts(const struct scts_one *o)
{
	return o->status == SCTS_VALID && !o->log->is_test &&
	    (o->log->state == LOGLIST_QUALIFIED ||
	    o->log->state == LOGLIST_USABLE ||
	    o->log->state == LOGLIST_READONLY);
}

int64_t
assess_first_sct(const struct scts *s)
{
	int64_t	first = INT64_MIN, t;
	size_t	i;

	for (i = 0; i < s->n; i++) {
		if (!counts(&s->v[i]))
			continue;
		t = (int64_t)(s->v[i].timestamp & ((UINT64_C(1) << 52) - 1)) *
		    1000;
		if (first == INT64_MIN || t < first)
			first = t;
	}
	return first;
}

/* Which certificate of the pool signed it; scts_read() may know already. */
static void
issuer(const struct assess_in *in, struct assess *a)
{
	size_t	i;

	a->issuer = a->cert.is_precert ? -1 : a->scts.issuer;
	for (i = 0; a->issuer == -1 && i < in->npool; i++)
		if (cert_signed_by(in->cert, in->pool[i], NULL) == 1)
			a->issuer = (int)i;
	if (a->issuer == -1)
		return;
	sha_256(a->issuer_sha256, in->pool[a->issuer].p,
	    in->pool[a->issuer].n);
	if (cert_key_hash(in->pool[a->issuer], a->issuer_spki, NULL) == -1)
		a->issuer = -1;
}

static void
scts(const struct assess_in *in, struct assess *a)
{
	struct scts_in	s = { .cert = in->cert, .issuers = in->pool,
	    .nissuers = in->npool, .tls = in->tls, .ocsp = in->ocsp,
	    .logs = in->logs, .at = in->at };
	int		i;

	a->scts.issuer = -1;
	/* a precertificate has none yet */
	if (a->cert.is_precert || scts_read(&s, &a->scts, NULL) == -1)
		return;
	for (i = 0; i < POLICY_PROGRAMS; i++)
		policy_judge((enum policy_program)i, &a->scts,
		    a->cert.not_before, a->cert.not_after, in->at,
		    &a->policy[i]);
}

static void
key(const struct assess_in *in, struct assess *a)
{
	struct der_tbs	t;
	struct span	tbs;

	if (der_cert(in->cert, &tbs, NULL, NULL, NULL) == 0 &&
	    der_tbs(tbs, &t, NULL) == 0)
		a->weak = weak_key(t.spki, in->weak, a->weak_why,
		    sizeof(a->weak_why));
}

static int
chains(const struct assess_in *in, struct assess *a, struct err *e)
{
	struct chain_in	c = { .leaf = in->cert, .pool = in->pool,
	    .npool = in->npool, .programs = in->programs,
	    .nprograms = in->nprograms, .at = in->at, .max_depth = -1,
	    .first_sct = assess_first_sct(&a->scts) };

	/* its poison makes a precertificate good for nobody (RFC 6962 3.1) */
	return a->cert.is_precert ? 0 : chain_build(&c, &a->chain, e);
}

int
assess_read(const struct assess_in *in, struct assess *a, struct err *e)
{
	int	i;

	memset(a, 0, sizeof(*a));
	a->issuer = -1;
	a->name_ok = -1;
	for (i = 0; i < POLICY_PROGRAMS; i++)
		a->policy[i].compliant = -1;
	if (cert_read(in->cert, &a->cert, e) == -1 ||
	    ptr_read(in->cert, &a->ptr, e) == -1)
		return -1;
	scts(in, a);
	issuer(in, a);
	key(in, a);
	if (in->name != NULL && in->name[0] != '\0')
		a->name_ok = chain_name_ok(in->cert, in->name);
	return chains(in, a, e);
}

void
assess_free(struct assess *a)
{
	cert_free(&a->cert);
	ptr_free(&a->ptr);
	scts_free(&a->scts);
	chain_free(&a->chain);
}
