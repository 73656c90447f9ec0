#include "auditor/cert_find.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "auditor/db/watcher.h"
#include "auditor/role/judge_audit.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/* CA/Browser Forum SC-092: no Precertificate Signing Certificates since. */
#define PRESIGN_ENDS	1773532800000000LL	/* 2026-03-15 */

/* What the database knows of one, for the question whom it concerns. */
struct about {
	int	issued;		/* the issuer's signature is valid */
	int	baseline;	/* there before anybody watched */
	int	declared;	/* ordered, known: one of ours */
	int	served;		/* by an endpoint of ours, now */
	int	presigned;	/* see cert_fact */
	int	shared;		/* a factor of its key is that of another's */
};

enum fault { BAD_SCT, BAD_POLICY, WEAK_KEY, BAD_CHAIN, FAULTS };

static const struct {
	const char	*kind;
	const char	*severity;
	const char	*gone;
} faults[FAULTS] = {
	[BAD_SCT] = { "sct.invalid", "high", "its SCTs are in order" },
	[BAD_POLICY] = { "ct_policy.violated", "medium",
	    "it complies with the CT policies" },
	[WEAK_KEY] = { "key.weak", "high", "the key is not weak" },
	[BAD_CHAIN] = { "chain.untrusted", "medium",
	    "a root program trusts it" },
};

static int
trusted(const struct judge_cert *k, int at_issuance)
{
	size_t	i;

	for (i = 0; i < k->npaths; i++)
		if ((at_issuance ? k->paths[i].issued :
		    k->paths[i].verdict) == CHAIN_TRUSTED)
			return 1;
	return 0;
}

static int
bad_sct(const struct judge_cert *k, char *why, size_t cap)
{
	size_t	i;

	if (k->scts_reason[0] != '\0') {
		(void)snprintf(why, cap, "its SCT list: %s", k->scts_reason);
		return 1;
	}
	for (i = 0; i < k->nscts; i++) {
		if (k->scts[i].status != SCTS_BAD_SIGNATURE &&
		    k->scts[i].status != SCTS_MALFORMED)
			continue;
		(void)snprintf(why, cap, "SCT %zu (%s): %s", i + 1,
		    scts_status_name(k->scts[i].status), k->scts[i].reason);
		return 1;
	}
	return 0;
}

static int
bad_policy(const struct judge_cert *k, const struct about *a, char *why,
    size_t cap)
{
	int	i;

	if (k->is_precert || !trusted(k, 0))
		return 0;
	if (a->presigned && k->not_before >= PRESIGN_ENDS) {
		(void)snprintf(why, cap, "its precertificate was signed by a "
		    "Precertificate Signing Certificate, which public CAs "
		    "may not use since 2026-03-15");
		return 1;
	}
	for (i = 0; i < POLICY_PROGRAMS; i++)
		if (k->compliant[i] == 0) {
			(void)snprintf(why, cap, "%s: %s",
			    policy_name((enum policy_program)i),
			    k->policy[i]);
			return 1;
		}
	return 0;
}

static int
bad_chain(const struct judge_cert *k, const struct about *a, char *why,
    size_t cap)
{
	if (k->is_precert || trusted(k, 0) || (!a->served && !(a->declared &&
	    trusted(k, 1))))
		return 0;
	(void)snprintf(why, cap, "no root program trusts it%s: %s",
	    trusted(k, 1) ? " any more" : "", k->npaths != 0 ?
	    k->paths[0].reason : k->chain_reason[0] != '\0' ?
	    k->chain_reason : "there is no path to a root");
	return 1;
}

/* Which faults it has that somebody should hear of. */
static int
has(const struct judge_cert *k, const struct about *a, enum fault f,
    char *why, size_t cap)
{
	int	concerns = a->served || a->declared || !a->baseline;

	if (!concerns || (!a->issued && !a->served))
		return 0;
	switch (f) {
	case BAD_SCT:
		return bad_sct(k, why, cap);
	case BAD_POLICY:
		return bad_policy(k, a, why, cap);
	case WEAK_KEY:
		if (k->weak[0] == '\0' && a->shared) {
			(void)snprintf(why, cap, "%s", CERT_FIND_SHARED);
			return 1;
		}
		if (k->weak[0] == '\0')
			return 0;
		(void)snprintf(why, cap, "its key is no secret (%s): %s",
		    k->weak, k->weak_why);
		return 1;
	case BAD_CHAIN:
		return bad_chain(k, a, why, cap);
	default:
		return 0;
	}
}

static char *
detail(const struct judge_cert *k)
{
	json_t	*a = json_array(), *o;
	char	*text, t[CLK_TEXT];
	size_t	 i;

	for (i = 0; i < k->nnames && i < LIMIT_DETAIL_NAMES; i++)
		(void)json_array_append_new(a, json_string(k->names[i]));
	o = json_pack("{so sI ss ss ss ss}", "names", a, "names_count",
	    (json_int_t)k->nnames, "serial", k->serial, "issuer", k->issuer,
	    "key_type", k->key_type, "not_after",
	    clk_text(k->not_after, t));
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

static int
open_one(struct db *db, const struct cert_in *in, enum fault f,
    const char *hex, const char *why, struct err *e)
{
	char		*d = detail(in->said);
	struct finding	 x = { .kind = faults[f].kind, .subject = hex,
	    .severity = faults[f].severity, .reason = why, .detail = d };
	int		 rc;

	rc = watcher_open(db, in->tbs_sha256, &x, NULL, e);
	free(d);
	return rc;
}

static int
one(struct db *db, const struct cert_in *in, const struct about *a,
    const char *open, struct err *e)
{
	char	hex[65], why[400];
	int	f;

	(void)enc_hex_to(hex, in->tbs_sha256, 32);
	for (f = 0; f < FAULTS; f++) {
		if (has(in->said, a, (enum fault)f, why, sizeof(why))) {
			if (open_one(db, in, (enum fault)f, hex, why, e)
			    == -1)
				return -1;
		} else if (strstr(open, faults[f].kind) != NULL &&
		    watcher_gone(db, faults[f].kind, hex, faults[f].gone, e)
		    == -1)
			return -1;
	}
	return 0;
}

/*
 * Row: number in the batch, issued, baseline, declared, served, kinds of
 * findings that are open, shared factor, presigned.
 */
static const char about_sql[] =
    "select x.n, coalesce(i.issued = 'valid', false), "
    "coalesce(i.decision, 'baseline') = 'baseline', "
    "coalesce(i.decision = 'silent', false), exists (select from "
    "endpoint_observation o join endpoint p on p.id = o.endpoint_id "
    "where o.tbs_sha256 = x.tbs and p.removed_at is null and not exists ("
    "select from endpoint_observation l where l.endpoint_id = o.endpoint_id "
    "and l.addr = o.addr and l.id > o.id)), coalesce((select "
    "string_agg(kind, ' ') from finding f where f.subject = encode(x.tbs, "
    "'hex') and f.state in ('open', 'acked')), ''), exists (select from "
    "cert_fact f where f.tbs_sha256 = x.tbs and f.weak = 'shared'), exists ("
    "select from cert_fact f where f.tbs_sha256 = x.tbs and f.presigned) "
    "from unnest($1::bytea[]) with ordinality x(tbs, n) "
    "left join issuance i on i.tbs_sha256 = x.tbs order by x.n";

int
cert_find(struct db *db, const struct cert_in *in, size_t n, struct err *e)
{
	struct span	*v = mem_array(n, sizeof(*v));
	struct db_spans	 all = { v, n };
	struct db_res	*r = NULL;
	struct about	 a;
	size_t		 i;
	int		 rc;

	for (i = 0; i < n; i++)
		v[i] = (struct span){ in[i].tbs_sha256, 32 };
	rc = db_query(db, &r, e, about_sql, "A", &all);
	free(v);
	for (i = 0; rc == 0 && i < db_rows(r); i++) {
		a.issued = db_bool(r, i, 1);
		a.baseline = db_bool(r, i, 2);
		a.declared = db_bool(r, i, 3);
		a.served = db_bool(r, i, 4);
		a.shared = db_bool(r, i, 6);
		a.presigned = db_bool(r, i, 7);
		rc = one(db, &in[i], &a, db_text(r, i, 5), e);
	}
	db_free(r);
	return rc;
}
