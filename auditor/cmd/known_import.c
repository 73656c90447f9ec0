#include "auditor/cmd/known_import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "auditor/db/known.h"
#include "auditor/db/known_account.h"
#include "auditor/db/source.h"
#include "auditor/decide.h"
#include "auditor/decide_bound.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/cert.h"
#include "pki/owner.h"

/* How many certificates of CAs one chain has above the first. */
#define CHAIN_MAX	6

/* CA certificates that may have issued what is imported. */
struct pool {
	struct span	*v;
	size_t		 n;
	struct db_res	*stored;	/* holds the bytes of table issuer */
};

static int
pool_load(struct pool *p, struct db *db, const struct material_set *s,
    struct err *e)
{
	size_t	i, k;

	if (db_query(db, &p->stored, e, "select der from issuer", "") == -1)
		return -1;
	p->v = mem_array(s->n + db_rows(p->stored) + 1, sizeof(*p->v));
	for (i = 0; i < s->n; i++)
		if (s->v[i].ca) {
			p->v[p->n].p = s->v[i].der;
			p->v[p->n++].n = s->v[i].nder;
		}
	for (k = 0; k < db_rows(p->stored); k++)
		p->v[p->n++] = db_bytes(p->stored, k, 0);
	return 0;
}

/* The owner of a CA certificate by itself, as the CCADB file has it. */
static const char *
owner_of_cert(struct span der)
{
	uint8_t hash[32];

	sha_256(hash, der.p, der.n);
	return owner_of_fingerprint(hash);
}

/* Who issued it: the chain is built of what is there, by signatures. */
static const char *
issuer_of(const struct pool *p, const struct material *m)
{
	struct span	 chain[CHAIN_MAX + 1];
	const char	*owner = NULL;
	size_t		 i, n = 1;

	chain[0].p = m->der;
	chain[0].n = m->nder;
	while (owner == NULL && n <= CHAIN_MAX) {
		for (i = 0; i < p->n; i++)
			if (cert_signed_by(chain[n - 1], p->v[i],
			    NULL) == 1)
				break;
		if (i == p->n)
			break;
		chain[n++] = p->v[i];
		if ((owner = owner_of_chain(chain, n)) == NULL)
			owner = owner_of_cert(p->v[i]);
	}
	return owner;
}

/* The issuer owner that the database has for that issuance; free() it. */
static char *
stored_owner(struct db *db, const struct material *m)
{
	struct span	 t = { m->tbs, sizeof(m->tbs) };
	struct db_res	*r = NULL;
	char		*s = NULL;

	if (db_query(db, &r, NULL, "select issuer_owner from issuance"
	    " where tbs_sha256 = $1 and issuer_owner is not null", "b",
	    &t) == 0 && db_rows(r) > 0)
		s = mem_str(db_text(r, 0, 0));
	db_free(r);
	return s;
}

/* --- a source's own declaration --- */

/* Does it lie within the source?  Else ${why} says what does not. */
static int
within(const struct source *s, const struct material *m, const char *owner,
    char *why, size_t cap)
{
	struct decide_bound	b;
	struct decide_subject	d;
	size_t			i;

	b.names = (const char *const *)s->names;
	b.nnames = s->nnames;
	b.issuer_owner = NULL;
	b.until = s->until;
	d.names = (const char *const *)m->names;
	d.nnames = m->nnames;
	d.issuer_owner = owner;
	d.at = clk_wall();
	if (!decide_bound_union(&b, 1, &d, why, cap))
		return 0;
	if (m->csr)
		return 1;
	for (i = 0; owner != NULL && i < s->nissuers; i++)
		if (strcmp(s->issuers[i], owner) == 0)
			return 1;
	snprintf(why, cap, "issuer %.80s is not one of its issuers",
	    owner != NULL ? owner : "not known");
	return 0;
}

static int
out_of_scope(struct db *db, const struct source *s, const struct material *m,
    const char *owner, const char *why, struct err *e)
{
	struct finding	 f;
	char		 hex[65], spki[65], reason[400];
	char		*detail;
	json_t		*names = json_array(), *d;
	size_t		 i;
	int		 rc;

	enc_hex_to(spki, m->spki, 32);
	enc_hex_to(hex, m->csr ? m->spki : m->tbs, 32);
	snprintf(reason, sizeof(reason), "source %.80s declared what it may "
	    "not: %.280s", s->name, why);
	for (i = 0; i < m->nnames && i < LIMIT_DETAIL_NAMES; i++)
		json_array_append_new(names, json_string(m->names[i]));
	d = json_pack("{so sI ss ss ss ss}", "names", names, "names_count",
	    (json_int_t)m->nnames, "source", s->name, "place", m->place,
	    "spki_sha256", spki, "declared_by", cmd_actor());
	if ((detail = json_dumps(d, JSON_COMPACT)) == NULL)
		abort();
	json_decref(d);
	memset(&f, 0, sizeof(f));
	f.kind = "source.out_of_scope";
	f.subject = hex;
	f.owner = "";
	f.severity = "high";
	f.watch = "";
	f.name = m->nnames > 0 ? m->names[0] : "";
	f.reason = reason;
	f.issuer_owner = owner;
	f.issuer_first_seen = INT64_MIN;
	f.nearest_source = s->name;
	f.detail = detail;
	rc = finding_open(db, &f, NULL, NULL, e);
	free(detail);
	return rc;
}

/* --- one of them --- */

static int
import_one(struct cmd_ctx *ctx, struct known_import *k,
    const struct source *s, const struct pool *p, struct material *m,
    struct err *e)
{
	struct known	 x;
	char		 why[300], *own = NULL, *place, *shown;
	const char	*owner = NULL;
	size_t		 i;
	int		 rc;

	for (i = 0; i < k->names.n; i++)
		material_name(m, k->names.v[i]);
	if (!m->csr && (owner = issuer_of(p, m)) == NULL)
		owner = own = stored_owner(ctx->db, m);
	if (s != NULL && !within(s, m, owner, why, sizeof(why))) {
		k->outside++;
		rc = out_of_scope(ctx->db, s, m, owner, why, e);
		place = cmd_clean(m->place);
		shown = cmd_clean(why);
		fprintf(stderr, "certvigil: %s: refused: %s\n", place,
		    shown);
		free(place);
		free(shown);
		free(own);
		return rc;
	}
	memset(&x, 0, sizeof(x));
	x.spki.p = m->spki;
	x.spki.n = sizeof(m->spki);
	x.until = INT64_MIN;
	x.trust = k->compromised ? "compromised" : "key";
	if (!k->compromised) {
		x.names.v = (const char *const *)m->names;
		x.names.n = m->nnames;
		x.issuer_owner = owner;
		if (!m->csr) {
			x.tbs.p = m->tbs;
			x.tbs.n = sizeof(m->tbs);
			x.until = m->not_after;
		}
	}
	x.origin = s != NULL ? "source" : "import";
	x.source = k->source;
	place = k->host != NULL ? mem_printf("%s:%s", k->host, m->place) :
	    mem_str(m->place);
	x.place = place;
	x.client = k->from != NULL ? k->from->client : NULL;
	x.host = k->host;
	x.lineage = m->lineage != NULL ? m->lineage : k->lineage;
	x.author = cmd_actor();
	rc = known_add(ctx->db, &x, e);
	free(place);
	free(own);
	if (rc == -1)
		return -1;
	k->already += rc == 0;
	k->certs += !m->csr;
	k->next += m->next != 0;
	k->csrs += m->csr && !m->next;
	k->no_issuer += !m->csr && owner == NULL;
	return 0;
}

/* Who else may order: a grant that names one of them is expected. */
static int
import_accounts(struct cmd_ctx *ctx, struct known_import *k, struct err *e)
{
	struct known_account	a;
	char			*place;
	size_t			 i;
	int			 rc = 0;

	for (i = 0; k->from != NULL && i < k->from->naccounts; i++) {
		place = cmd_clean(k->from->accounts[i].path);
		memset(&a, 0, sizeof(a));
		a.url = k->from->accounts[i].url;
		a.client = k->from->client;
		a.host = k->host;
		a.source = k->source;
		a.place = place;
		a.author = cmd_actor();
		rc = known_account_add(ctx->db, &a, e);
		free(place);
		if (rc == -1)
			return -1;
		k->accounts++;
		k->accounts_known += rc == 0;
	}
	return 0;
}

/* --- which of them will renew with new keys --- */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of a certificate as one word: what is renewed. */
static char *
lineage(const struct material *m)
{
	struct buf	 b = BUF_INIT;
	char		**v = mem_array(m->nnames + 1, sizeof(*v));
	size_t		 i;

	for (i = 0; i < m->nnames; i++)
		v[i] = m->names[i];
	qsort(v, m->nnames, sizeof(*v), by_text);
	for (i = 0; i < m->nnames; i++)
		buf_fmt(&b, "%s\n", v[i]);
	free(v);
	buf_str(&b, "");
	return (char *)buf_detach(&b, &i);
}

/*
 * Certificates for the same names with different keys: their renewals come
 * with new keys, and each will be a page unless it is declared.
 */
static void
count_renewals(struct known_import *k, const struct material_set *s)
{
	json_t		*all = json_object(), *keys;
	const char	*name;
	char		*line, hex[65];
	size_t		 i;

	for (i = 0; i < s->n; i++) {
		if (s->v[i].ca || s->v[i].csr)
			continue;
		line = lineage(&s->v[i]);
		name = line != NULL ? line : "";
		if ((keys = json_object_get(all, name)) == NULL) {
			keys = json_pack("{s{} s{}}", "keys", "certs");
			json_object_set_new(all, name, keys);
		}
		enc_hex_to(hex, s->v[i].spki, 32);
		json_object_set_new(json_object_get(keys, "keys"), hex,
		    json_true());
		enc_hex_to(hex, s->v[i].tbs, 32);
		json_object_set_new(json_object_get(keys, "certs"), hex,
		    json_true());
		free(line);
	}
	json_object_foreach(all, name, keys) {
		if (json_object_size(json_object_get(keys, "certs")) < 2)
			k->renew_once++;
		else if (json_object_size(json_object_get(keys, "keys")) > 1)
			k->renew_new++;
		else
			k->renew_same++;
	}
	json_decref(all);
}

/* Decide again about what these hashes are of. */
static int
decide(struct cmd_ctx *ctx, struct known_import *k,
    const struct material_set *s, struct err *e)
{
	struct span	*v = mem_array(s->n * 2 + 1, sizeof(*v));
	struct db_spans	 spans;
	size_t		 i, n = 0;
	int		 rc;

	for (i = 0; i < s->n; i++) {
		if (s->v[i].ca)
			continue;
		v[n].p = s->v[i].spki;
		v[n++].n = 32;
		if (!s->v[i].csr) {
			v[n].p = s->v[i].tbs;
			v[n++].n = 32;
		}
	}
	spans.v = v;
	spans.n = n;
	/* A compromised key is news for what was silent, too. */
	rc = decide_declared(ctx->db, ctx->conf, &spans, k->compromised,
	    &k->silenced, e);
	free(v);
	return rc;
}

int
known_import_all(struct cmd_ctx *ctx, struct known_import *k,
    struct material_set *s, struct err *e)
{
	struct pool	p = { NULL, 0, NULL };
	struct source	src;
	size_t		i;
	int		rc = -1;

	memset(&src, 0, sizeof(src));
	if (db_begin(ctx->db, e) == -1)
		return -1;
	if ((k->source != NULL && source_get(ctx->db, k->source, &src,
	    e) == -1) || pool_load(&p, ctx->db, s, e) == -1)
		goto out;
	for (i = 0; i < s->n; i++) {
		if (s->v[i].ca)
			k->cas++;
		else if (import_one(ctx, k, k->source != NULL ? &src : NULL,
		    &p, &s->v[i], e) == -1)
			goto out;
	}
	count_renewals(k, s);
	if (import_accounts(ctx, k, e) == -1 || decide(ctx, k, s, e) == -1 ||
	    cmd_audit(ctx, k->compromised ? "known.compromised" :
	    "known.import", json_pack("{sI sI sI sI sI ss? ss? ss?}",
	    "certificates", (json_int_t)k->certs, "csrs",
	    (json_int_t)k->csrs, "next_keys", (json_int_t)k->next,
	    "accounts", (json_int_t)k->accounts, "outside",
	    (json_int_t)k->outside, "source", k->source, "client",
	    k->from != NULL ? k->from->client : NULL, "host", k->host),
	    e) == -1)
		goto out;
	rc = db_commit(ctx->db, e);
out:
	if (rc == -1)
		db_rollback(ctx->db);
	db_free(p.stored);
	free(p.v);
	source_free(&src, 1);
	return rc;
}
