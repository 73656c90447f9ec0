#include "auditor/db/ccadb_store.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/der.h"

/* A URL that nobody answers, as those of pki/ccadb. */
#define UNLISTED	"ccadb:no-record"

enum col { KEY, SHA, DER, NAMED };

/* Named: certificates without CRLDP say that this one signed them. */
static const char wanted_sql[] =
    "with named as (select distinct a.sha256, a.spki_sha256 from cert_fact f "
    "join issuance i on i.tbs_sha256 = f.tbs_sha256 "
    "join issuer a on a.sha256 = f.issuer_sha256 and a.spki_sha256 = "
    "i.issuer_spki_sha256 where f.crl = '{}' and f.cert_sha256 <> '' "
    "and i.not_after > now()) "
    "select o.spki_sha256, o.sha256, o.der, exists (select from named n "
    "where n.sha256 = o.sha256) from issuer o where o.spki_sha256 in "
    "(select spki_sha256 from named) order by 1, 2";

int
ccadb_store_wanted(struct db *db, struct ccadb_list *l, struct err *e)
{
	struct span	sha;

	memset(l, 0, sizeof(*l));
	if (db_query(db, &l->rows, e, wanted_sql, "") == -1)
		return -1;
	l->v = mem_array(db_rows(l->rows), sizeof(*l->v));
	for (; l->n < db_rows(l->rows); l->n++) {
		sha = db_bytes(l->rows, l->n, SHA);
		if (sha.n == 32)
			memcpy(l->v[l->n].sha256, sha.p, 32);
	}
	return 0;
}

void
ccadb_list_free(struct ccadb_list *l)
{
	ccadb_free(l->v, l->n);
	free(l->v);
	db_free(l->rows);
	memset(l, 0, sizeof(*l));
}

void
ccadb_list_mark(const struct ccadb_list *l, uint8_t out[32])
{
	struct sha_ctx	c;
	uint8_t		named;
	size_t		i;

	sha_init(&c);
	for (i = 0; i < l->n; i++) {
		named = (uint8_t)db_bool(l->rows, i, NAMED);
		sha_update(&c, l->v[i].sha256, 32);
		sha_update(&c, &named, 1);
	}
	sha_final(&c, out);
}

/* --- sources of one key --------------------------------------------------- */

/* Append a source of row ${i}'s name and key. */
static void
put(json_t *out, const struct ccadb_list *l, size_t i, const char *url)
{
	struct span	key = db_bytes(l->rows, i, KEY);
	char		hex[2][65];

	(void)json_array_append_new(out, json_pack("{ss ss ss}",
	    "key", enc_hex_to(hex[0], key.p, 32),
	    "ca", enc_hex_to(hex[1], l->v[i].sha256, 32), "url", url));
}

/* The subject of a row's certificate; n 0 when it cannot be read. */
static struct span
name_of(const struct ccadb_list *l, size_t i)
{
	struct span	tbs, none = { NULL, 0 };
	struct der_tbs	t;

	if (der_cert(db_bytes(l->rows, i, DER), &tbs, NULL, NULL, NULL) == -1
	    || der_tbs(tbs, &t, NULL) == -1)
		return none;
	return t.subject;
}

static int
same(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Rows [from, to) have one key: the CRLs of each name of it. */
static void
put_key(json_t *out, const struct ccadb_list *l, size_t from, size_t to)
{
	struct span	*name = mem_array(to - from, sizeof(*name));
	size_t		 i, k, u, n, had = 0, missed = to;

	for (i = from; i < to; i++)
		name[i - from] = name_of(l, i);
	for (i = from; i < to; i++) {
		if (!db_bool(l->rows, i, NAMED))
			continue;
		for (n = 0, k = from; k < to; k++) {
			if (!same(name[i - from], name[k - from]))
				continue;
			n += l->v[k].ncrl;
			for (u = 0; u < l->v[k].ncrl; u++)
				put(out, l, i, l->v[k].crl[u]);
		}
		had += n;
		if (n == 0)
			missed = i;
	}
	if (had != 0 && missed != to)
		put(out, l, missed, UNLISTED);
	free(name);
}

static char *
sources(const struct ccadb_list *l)
{
	json_t	*a = json_array();
	size_t	 i, from = 0;
	char	*text;

	for (i = 1; i <= l->n; i++)
		if (i == l->n || !same(db_bytes(l->rows, i, KEY),
		    db_bytes(l->rows, from, KEY))) {
			put_key(a, l, from, i);
			from = i;
		}
	text = json_dumps(a, JSON_COMPACT);
	json_decref(a);
	return text;
}

/* --- storing --------------------------------------------------------------- */

#define LISTED \
	"with x as (select distinct on (url, key) url, " \
	"decode(key, 'hex') as key, decode(ca, 'hex') as ca from " \
	"jsonb_to_recordset($1::jsonb) as x(key text, ca text, url text) " \
	"order by url, key, ca) "

static const char add_sql[] = LISTED
    "insert into revocation_source as s (kind, url, issuer_spki_sha256, "
    "issuer_sha256, origin) select 'crl', url, key, ca, 'ccadb' from x "
    "on conflict (kind, url, issuer_spki_sha256) do update set "
    "origin = 'ccadb', issuer_sha256 = coalesce(s.issuer_sha256, "
    "excluded.issuer_sha256) where s.origin <> 'ccadb'";

/* What certificates name is all that makes it a source from now on. */
static const char gone_sql[] = LISTED
    ", g as (update revocation_source s set origin = 'certificate' where "
    "origin = 'ccadb' and not exists (select from x where x.url = s.url and "
    "x.key = s.issuer_spki_sha256) returning issuer_spki_sha256) "
    "select distinct issuer_spki_sha256 from g";

int
ccadb_store(struct db *db, const struct ccadb_list *l, struct db_res **gone,
    struct err *e)
{
	char	*text = sources(l);
	int	 rc;

	*gone = NULL;
	if (text == NULL)
		return err_set(e, ERR_FORMAT, "CCADB's URLs are no UTF-8");
	rc = db_query(db, NULL, e, add_sql, "s", text);
	if (rc == 0)
		rc = db_query(db, gone, e, gone_sql, "s", text);
	free(text);
	return rc;
}

int
ccadb_store_left(struct db *db, const uint8_t key[32], int64_t *source,
    struct err *e)
{
	const struct span	 spki = { key, 32 };
	struct db_res		*r = NULL;

	if (db_query(db, &r, e, "select coalesce(min(id), 0) from "
	    "revocation_source where issuer_spki_sha256 = $1 and "
	    "origin = 'ccadb'", "b", &spki) == -1)
		return -1;
	*source = db_int(r, 0, 0);
	db_free(r);
	if (*source != 0)
		return 0;
	return db_query(db, NULL, e, "update revocation r set status = "
	    "'not_applicable', why = 'CCADB lists no CRL of its CA any more', "
	    "disagree_since = null, changed_at = now() where "
	    "r.issuer_spki_sha256 = $1 and r.status in ('good', 'unknown') "
	    "and not exists (select from issuance i join cert_fact f "
	    "on f.tbs_sha256 = i.tbs_sha256 where i.issuer_spki_sha256 = $1 "
	    "and i.serial = r.serial and (f.crl <> '{}' or f.ocsp <> '{}'))",
	    "b", &spki);
}
