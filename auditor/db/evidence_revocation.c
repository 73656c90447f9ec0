#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/crlparts.h"
#include "auditor/db/evidence_put.h"
#include "auditor/evidence_json.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"

/* What sources of revocation say, and how they are. */

/* Bytes of CRLs in one file: beyond it a campaign's other ones are left out. */
#define CRLS_MOST	(LIMIT_EVIDENCE / 4)

/* --- what they signed --- */

enum { R_SOURCE, R_FORM, R_SHA, R_SERIAL, R_RAW, R_URL, R_ISSUER };

/* Rows from ${i} that are of one CRL. */
static size_t
group(const struct db_res *r, size_t i)
{
	size_t		k = i + 1;
	struct span	a = db_bytes(r, i, R_SHA), b;

	if (strcmp(db_text(r, i, R_FORM), "ocsp") == 0)
		return 1;
	for (; k < db_rows(r) && k - i < LIMIT_EVIDENCE_SERIALS; k++) {
		b = db_bytes(r, k, R_SHA);
		if (db_int(r, i, R_SOURCE) != db_int(r, k, R_SOURCE) ||
		    strcmp(db_text(r, i, R_FORM), db_text(r, k, R_FORM)) != 0
		    || a.n != b.n || a.n == 0 || memcmp(a.p, b.p, a.n) != 0)
			break;
	}
	return k - i;
}

static int
put_ocsp(struct evidence *ev, const struct db_res *r, size_t i,
    struct err *e)
{
	struct evidence_ocsp in = { db_text(r, i, R_URL),
	    db_bytes(r, i, R_ISSUER), db_bytes(r, i, R_RAW),
	    db_text(r, i, R_SERIAL) };
	int	n = evidence_ocsp(ev, &in, e);

	return n == -1 ? -1 : evidence_recheck_of(ev, n, EVIDENCE_ASK_OCSP,
	    e);
}

/* Parts of one CRL, one for each serial. */
static int
put_parts(struct evidence *ev, const struct db_res *r, size_t i,
    const struct evidence_crl *in, struct err *e)
{
	struct crlparts	*p = mem_array(in->n, sizeof(*p));
	size_t		 k;
	int		 n = 0;

	for (k = 0; k < in->n && n == 0; k++)
		n = crlparts_unpack(db_bytes(r, i + k, R_RAW), &p[k], e);
	if (n == 0)
		n = evidence_crl_parts(ev, in, p, clk_wall(), e);
	free(p);
	return n;
}

/* One CRL and what it says of ${n} serials, in the rows from ${i}. */
static int
put_crl(struct evidence *ev, const struct db_res *r, size_t i, size_t n,
    struct err *e)
{
	const char	**serials = mem_array(n, sizeof(*serials));
	struct evidence_crl in = { db_text(r, i, R_URL),
	    db_bytes(r, i, R_ISSUER), db_bytes(r, i, R_RAW), serials, n };
	size_t		  k;
	int		  at;

	for (k = 0; k < n; k++)
		serials[k] = db_text(r, i + k, R_SERIAL);
	at = strcmp(db_text(r, i, R_FORM), "crl") == 0 ?
	    evidence_crl(ev, &in, e) : put_parts(ev, r, i, &in, e);
	free(serials);
	return at == -1 ? -1 : evidence_recheck_of(ev, at, EVIDENCE_ASK_CRL,
	    e);
}

/* What was kept of the rows of revocation_status that ${of} selects. */
#define KEPT(of) "select s.source_id, s.form, s.sha256, " \
    "s.serial, case when s.form <> 'crl' or row_number() over " \
    "(partition by s.source_id, s.sha256 order by s.serial) = 1 then " \
    "s.raw end, src.url, i.der from (" of ") s " \
    "join revocation_source src on src.id = s.source_id " \
    "join lateral (select der from issuer where sha256 = " \
    "src.issuer_sha256 or spki_sha256 = s.issuer_spki_sha256 " \
    "order by sha256 = src.issuer_sha256 desc nulls last limit 1) i " \
    "on true order by s.source_id, s.form, s.sha256, s.serial"

/*
 * Such rows, which are freed.  What nobody signed is left out here: a text of
 * ours says what we saw of it.
 */
static int
put_kept(struct evidence *ev, struct db_res *r, struct err *e)
{
	struct err	why;
	size_t		i, n, bytes = 0;
	int		rc = -1;

	for (i = 0; i < db_rows(r); i += n) {
		n = group(r, i);
		bytes += db_bytes(r, i, R_RAW).n;
		if (bytes > CRLS_MOST)
			break;
		err_clear(&why);
		rc = strcmp(db_text(r, i, R_FORM), "ocsp") == 0 ?
		    put_ocsp(ev, r, i, &why) : put_crl(ev, r, i, n, &why);
		if (rc == -1 && why.code == ERR_LIMIT) {
			(void)err_set(e, why.code, "%s", why.msg);
			goto out;
		}
	}
	rc = 0;
out:
	db_free(r);
	return rc;
}

/* The newest sight of each status, source and serial. */
static int
put_signed(struct db *db, const struct span *issuer,
    const struct db_strs *serials, struct evidence *ev, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, KEPT("select distinct on (source_id, status, "
	    "serial) * from revocation_status where issuer_spki_sha256 = $1 "
	    "and serial = any($2) and raw is not null "
	    "order by source_id, status, serial, id desc"), "ba", issuer,
	    serials) == -1)
		return -1;
	return put_kept(ev, r, e);
}

/* --- what we saw of them --- */

enum { V_KIND, V_URL, V_ISSUER, V_STATE, V_FAULT, V_WHY, V_FAILING,
	V_CHECKED, V_OK, V_THIS, V_NEXT, V_NUMBER, V_SHA, V_BYTES, V_ENTRIES,
	V_SERIAL, V_STATUS, V_REASON, V_STATED, V_REFUSAL, V_FIRST, V_LAST };

#define SOURCE_COLS	"src.kind, src.url, src.issuer_spki_sha256, " \
    "src.state, src.fault, src.why, src.failing_since, src.checked_at, " \
    "src.ok_at, src.this_update, src.next_update, src.number, src.sha256, " \
    "src.bytes, src.entries"

/* A column of a row under its name, when it is there. */
static const struct {
	const char	*key;
	size_t		 col;
	char		 kind;
} columns[] = {
	{ "kind", V_KIND, 's' }, { "url", V_URL, 's' },
	{ "issuer_spki_sha256", V_ISSUER, 'h' }, { "state", V_STATE, 's' },
	{ "fault", V_FAULT, 's' }, { "why", V_WHY, 's' },
	{ "failing_since", V_FAILING, 't' }, { "checked_at", V_CHECKED, 't' },
	{ "ok_at", V_OK, 't' }, { "this_update", V_THIS, 't' },
	{ "next_update", V_NEXT, 't' }, { "number", V_NUMBER, 's' },
	{ "sha256", V_SHA, 'h' }, { "bytes", V_BYTES, 'i' },
	{ "entries", V_ENTRIES, 'i' }, { "serial", V_SERIAL, 's' },
	{ "status", V_STATUS, 's' }, { "reason", V_REASON, 'i' },
	{ "stated_at", V_STATED, 't' }, { "refusal", V_REFUSAL, 's' },
	{ "first_seen", V_FIRST, 't' }, { "last_seen", V_LAST, 't' },
};

static void
put_column(json_t *o, const struct db_res *r, size_t i, size_t k)
{
	const char	*key = columns[k].key;
	size_t		 c = columns[k].col;
	struct span	 v;

	switch (columns[k].kind) {
	case 's':
		json_object_set_new(o, key, evidence_text(db_text(r, i, c)));
		break;
	case 'i':
		json_object_set_new(o, key, json_integer(db_int(r, i, c)));
		break;
	case 't':
		json_object_set_new(o, key, evidence_moment(db_time(r, i,
		    c)));
		break;
	case 'h':
		v = db_bytes(r, i, c);
		json_object_set_new(o, key, evidence_hex(v.p, v.n));
		break;
	}
}

static int
put_row(struct evidence *ev, const struct db_res *r, size_t i, size_t ncols,
    struct err *e)
{
	json_t	*o = evidence_begun(EVIDENCE_SOURCE);
	size_t	 k;
	int	 at;

	for (k = 0; k < sizeof(columns) / sizeof(columns[0]); k++)
		if (columns[k].col < ncols &&
		    !db_null(r, i, columns[k].col) &&
		    (columns[k].kind != 'i' ||
		    db_int(r, i, columns[k].col) >= 0))
			put_column(o, r, i, k);
	at = evidence_attest(ev, o, NULL, e);
	return at == -1 ? -1 : evidence_recheck_of(ev, at, strcmp(db_text(r,
	    i, V_KIND), "crl") == 0 ? EVIDENCE_ASK_CRL : EVIDENCE_ASK_OCSP,
	    e);
}

/* Each row as a statement; the result is freed. */
static int
put_rows(struct evidence *ev, struct db_res *r, size_t ncols, struct err *e)
{
	size_t	i;
	int	rc = 0;

	for (i = 0; i < db_rows(r) && rc != -1; i++)
		rc = put_row(ev, r, i, ncols, e);
	db_free(r);
	return rc == -1 ? -1 : 0;
}

/* What each source says of a serial now. */
static int
put_said(struct db *db, const struct span *issuer, const char *serial,
    struct evidence *ev, size_t *n, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select distinct on (s.source_id) "
	    SOURCE_COLS ", s.serial, s.status, s.reason, s.stated_at, "
	    "s.refusal, s.first_seen, s.last_seen from revocation_status s "
	    "join revocation_source src on src.id = s.source_id "
	    "where s.issuer_spki_sha256 = $1 and s.serial = $2 "
	    "order by s.source_id, s.id desc limit 64", "bs", issuer, serial)
	    == -1)
		return -1;
	*n = db_rows(r);
	return put_rows(ev, r, V_LAST + 1, e);
}

/* --- the subjects --- */

/* The certificates with this serial, as far as they are known. */
static int
put_issuances(struct db *db, const struct span *issuer, const char *serial,
    struct evidence *ev, size_t *n, struct err *e)
{
	struct evidence_held	 held;
	struct db_res		*r = NULL;
	struct err		 why;
	struct span		 tbs;
	size_t			 i;
	int			 rc = 0;

	*n = 0;
	if (db_query(db, &r, e, "select tbs_sha256 from issuance "
	    "where issuer_spki_sha256 = $1 and serial = $2 "
	    "order by tbs_sha256 limit 4", "bs", issuer, serial) == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++) {
		tbs = db_bytes(r, i, 0);
		err_clear(&why);
		rc = evidence_put_issuance(db, &tbs, ev, &held, &why);
		*n += rc == 0;
		if (rc == -1 && why.code == ERR_NOENT)
			rc = 0;
		else if (rc == -1)
			(void)err_set(e, why.code, "%s", why.msg);
	}
	db_free(r);
	return rc;
}

/* 64 hex digits: 0 or -1. */
static int
key_of(const char *hex, uint8_t out[32], struct err *e)
{
	char	digits[65];

	(void)snprintf(digits, sizeof(digits), "%s", hex);
	if (enc_unhex_to(out, 32, digits) == 0)
		return 0;
	return err_set(e, ERR_DB, "the subject of this finding is no "
	    "issuer's key");
}

int
evidence_put_serial(struct db *db, const char *subject, struct evidence *ev,
    struct err *e)
{
	struct db_strs	serials;
	struct span	issuer;
	const char	*serial;
	uint8_t		key[32];
	size_t		known = 0, said = 0;

	if (key_of(subject, key, e) == -1)
		return -1;
	if (subject[64] != ':')
		return err_set(e, ERR_DB, "the subject of this finding has "
		    "no serial");
	issuer = (struct span){ key, 32 };
	serial = subject + 65;
	serials = (struct db_strs){ &serial, 1 };
	if (put_issuances(db, &issuer, serial, ev, &known, e) == -1 ||
	    put_signed(db, &issuer, &serials, ev, e) == -1 ||
	    put_said(db, &issuer, serial, ev, &said, e) == -1)
		return -1;
	return known + said != 0 ? 0 : err_set(e, ERR_NOENT,
	    "nothing is stored about it");
}

int
evidence_put_campaign(struct db *db, const char *issuer_key,
    struct evidence *ev, struct err *e)
{
	struct db_res	*r = NULL;
	struct db_strs	 serials;
	struct span	 issuer;
	const char	**v = NULL;
	uint8_t		 key[32];
	size_t		 i;
	int		 rc = -1;

	if (key_of(issuer_key, key, e) == -1)
		return -1;
	issuer = (struct span){ key, 32 };
	if (db_query(db, &r, e, "select serial from revocation where "
	    "issuer_spki_sha256 = $1 and status = 'revoked' "
	    "order by observed_at desc nulls last, serial limit $2", "bi",
	    &issuer, (int64_t)LIMIT_EVIDENCE_SERIALS) == -1)
		return -1;
	if (db_rows(r) == 0) {
		(void)err_set(e, ERR_NOENT, "nothing is stored about it");
		goto out;
	}
	v = mem_array(db_rows(r), sizeof(*v));
	for (i = 0; i < db_rows(r); i++)
		v[i] = db_text(r, i, 0);
	serials = (struct db_strs){ v, i };
	if (put_signed(db, &issuer, &serials, ev, e) == -1)
		goto out;
	/* in any case what we saw of the newest one */
	rc = put_said(db, &issuer, v[0], ev, &i, e);
out:
	free(v);
	db_free(r);
	return rc;
}

int
evidence_put_source(struct db *db, const char *url, struct evidence *ev,
    struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select " SOURCE_COLS " from "
	    "revocation_source src where src.url = $1 order by src.id "
	    "limit 64", "s", url) == -1)
		return -1;
	if (db_rows(r) == 0) {
		db_free(r);
		return err_set(e, ERR_NOENT, "nothing is stored about it");
	}
	if (put_rows(ev, r, V_ENTRIES + 1, e) == -1)
		return -1;
	/* and the last that it signed */
	if (db_query(db, &r, e, KEPT("select * from revocation_status "
	    "where raw is not null and source_id in (select id from "
	    "revocation_source where url = $1) order by id desc limit 3"),
	    "s", url) == -1)
		return -1;
	return put_kept(ev, r, e);
}
