#include "auditor/cmd/revoke.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "acme/san.h"
#include "auditor/cmd/opt.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/pem.h"
#include "pki/ptr.h"

int
revoke_file(const char *what, struct material_set *s, struct err *e)
{
	struct stat	st;

	if (strcmp(what, "-") != 0 &&
	    (stat(what, &st) == -1 || !S_ISREG(st.st_mode)))
		return 0;
	return material_read(s, what, e);
}

void
revoke_target_free(struct revoke_target *t)
{
	buf_free(&t->der);
	cert_free(&t->cert);
	free(t->key_id);
	free(t->directory);
	free(t->deployed);
	memset(t, 0, sizeof(*t));
}

/* Take this CA's key when it signed the certificate. */
static void
try_issuer(struct revoke_target *t, struct span ca)
{
	if (!t->has_issuer &&
	    cert_signed_by(buf_bytes(&t->der), ca, NULL) == 1)
		t->has_issuer = cert_key_hash(ca, t->issuer, NULL) == 0;
}

/* --- where it is --------------------------------------------------------- */

/* The certificate and its chain as they were deployed: 1, or 0 not there. */
static int
from_folder(const char *dir, struct span sha, struct revoke_target *t)
{
	struct buf	 text = BUF_INIT, der = BUF_INIT;
	char		*path = mem_printf("%s/fullchain.pem", dir);
	struct cur	 c;
	uint8_t		 is[32];
	int		 n = 0;

	if (opt_file(path, LIMIT_ACME_PEM, &text, NULL) == 0) {
		c = cur_span(buf_bytes(&text));
		while (pem_next(&c, "CERTIFICATE", &der) == 1) {
			if (n++ != 0) {
				try_issuer(t, buf_bytes(&der));
				continue;
			}
			sha_256(is, der.p, der.n);
			if (sha.n != 32 || memcmp(is, sha.p, 32) != 0)
				break;
			buf_span(&t->der, buf_bytes(&der));
		}
	}
	free(path);
	buf_free(&text);
	buf_free(&der);
	return t->der.n != 0;
}

/* The final one rather than its precertificate: 1, 0, -1. */
static int
from_db(struct db *db, struct span hash, struct revoke_target *t,
    struct err *e)
{
	struct db_res	*r = NULL;
	int		 rc;

	if (db_query(db, &r, e, "select der from (select der, form = 'x509' "
	    "as final from certificate where sha256 = $1 or tbs_sha256 = $1 "
	    "union all select der, true from served_certificate where sha256 "
	    "= $1 or tbs_sha256 = $1) c order by final desc limit 1", "b",
	    &hash) == -1)
		return -1;
	rc = db_rows(r) != 0;
	if (rc)
		buf_span(&t->der, db_bytes(r, 0, 0));
	db_free(r);
	return rc;
}

/* One that we received once, and no log showed: 1, 0, -1. */
static int
from_orders(struct db *db, struct span hash, struct revoke_target *t,
    struct err *e)
{
	struct db_res	*r = NULL;
	int		 rc;

	if (db_query(db, &r, e, "select der from acme_received where "
	    "tbs_sha256 = $1 or sha256(der) = $1 limit 1", "b", &hash) == -1)
		return -1;
	rc = db_rows(r) != 0;
	if (rc)
		buf_span(&t->der, db_bytes(r, 0, 0));
	db_free(r);
	return rc;
}

/* A managed one, by name or hash (the other is NULL): 1, 0, -1. */
static int
managed(struct db *db, const char *name, const struct span *hash,
    struct revoke_target *t, struct err *e)
{
	struct db_res	*r = NULL;
	int		 rc = 0;

	if (db_query(db, &r, e, "select cert_sha256, coalesce(deployed_to, "
	    "''), name from managed_certificate where case when $1::text is "
	    "null then cert_sha256 = $2 or tbs_sha256 = $2 else removed_at "
	    "is null and name = $1 end limit 1", "sb", name, hash) == -1)
		return -1;
	if (db_rows(r) != 0 && db_null(r, 0, 0))
		rc = err_set(e, ERR_NOENT, "%.250s: nothing was issued for "
		    "it yet", db_text(r, 0, 2));
	else if (db_rows(r) != 0) {
		rc = from_folder(db_text(r, 0, 1), db_bytes(r, 0, 0), t);
		if (rc == 0)
			rc = from_db(db, db_bytes(r, 0, 0), t, e);
		if (rc == 0)
			rc = err_set(e, ERR_NOENT, "%.250s: its certificate "
			    "is not in %.200s any more, nor in the database: "
			    "give its file", db_text(r, 0, 2),
			    db_text(r, 0, 1));
	}
	db_free(r);
	return rc;
}

/* The one of a file that is no CA's; those beside it may have issued it. */
static int
from_file(const char *what, const struct material_set *s,
    struct revoke_target *t, struct err *e)
{
	const struct material	*m = NULL;
	size_t			 i, n = 0;

	for (i = 0; i < s->n; i++)
		if (!s->v[i].csr && !s->v[i].ca) {
			m = &s->v[i];
			n++;
		}
	if (n != 1)
		return err_set(e, ERR_USAGE, "%.250s: one certificate is "
		    "revoked at a time, and there are %zu in it (those of CAs "
		    "not counted)", what, n);
	buf_add(&t->der, m->der, m->nder);
	for (i = 0; i < s->n; i++)
		if (s->v[i].ca)
			try_issuer(t, (struct span){ s->v[i].der,
			    s->v[i].nder });
	return 1;
}

/* --- what is known of it ------------------------------------------------- */

/* The issuer that the database has for it, or one there that signed it. */
static int
find_issuer(struct db *db, struct revoke_target *t, struct err *e)
{
	const struct span	 tbs = { t->cert.tbs_sha256, 32 };
	struct db_res		*r = NULL;
	size_t			 i;

	if (db_query(db, &r, e, "select issuer_spki_sha256 from issuance "
	    "where tbs_sha256 = $1", "b", &tbs) == -1)
		return -1;
	if (db_rows(r) != 0 && db_bytes(r, 0, 0).n == 32) {
		memcpy(t->issuer, db_bytes(r, 0, 0).p, 32);
		t->has_issuer = 1;
	}
	db_free(r);
	if (t->has_issuer)
		return 0;
	if (db_query(db, &r, e, "select der from issuer", "") == -1)
		return -1;
	for (i = 0; i < db_rows(r) && !t->has_issuer; i++)
		try_issuer(t, db_bytes(r, i, 0));
	db_free(r);
	if (!t->has_issuer)
		return err_set(e, ERR_NOENT, "the CA's certificate that "
		    "issued it is not known, so that its CRL cannot be "
		    "watched: give a file with both (fullchain.pem)");
	return 0;
}

/* Did we order it?  With which key, at which account, is it in use? */
static int
find_order(struct db *db, struct revoke_target *t, struct err *e)
{
	const struct span	 key = { t->cert.spki_sha256, 32 };
	const struct span	 sha = { t->cert.cert_sha256, 32 };
	struct db_res		*r = NULL;

	if (db_query(db, &r, e, "select o.key_id, a.directory, a.id, "
	    "m.deployed_to from acme_order o join acme_account a on a.id = "
	    "o.account_id left join managed_certificate m on m.id = "
	    "o.managed_id and m.cert_sha256 = $2 where o.spki_sha256 = $1 "
	    "order by o.id desc limit 1", "bb", &key, &sha) == -1)
		return -1;
	if (db_rows(r) != 0) {
		/* "": its request was made elsewhere, and so was its key */
		if (db_text(r, 0, 0)[0] != '\0')
			t->key_id = mem_str(db_text(r, 0, 0));
		t->directory = mem_str(db_text(r, 0, 1));
		t->account = db_int(r, 0, 2);
		if (!db_null(r, 0, 3))
			t->deployed = mem_str(db_text(r, 0, 3));
	}
	db_free(r);
	return 0;
}

static int
locate(struct db *db, const char *what, const struct material_set *s,
    struct revoke_target *t, struct err *e)
{
	char			name[NAME_TEXT];
	uint8_t			hash[32];
	const struct span	h = { hash, 32 };
	int			rc = 0, is_hash;

	is_hash = strlen(what) == 64 && enc_unhex_to(hash, 32, what) == 0;
	if (is_hash) {
		rc = from_db(db, h, t, e);
		if (rc == 0)
			rc = managed(db, NULL, &h, t, e);
		if (rc == 0)
			rc = from_orders(db, h, t, e);
	} else if (strchr(what, '/') == NULL &&
	    san_canon(what, name, NULL) == 0)
		rc = managed(db, name, NULL, t, e);
	if (rc == 0 && s->n != 0)
		rc = from_file(what, s, t, e);
	if (rc == 0 && is_hash)
		rc = err_set(e, ERR_NOENT, "no certificate %s is known "
		    "(certvigil certs lists them)", what);
	if (rc == 0)
		rc = err_set(e, ERR_NOENT, "no certificate is managed as "
		    "%.250s (certvigil managed list), and there is no such "
		    "file", what);
	return rc;
}

/* BR 7.1.2.7.11: what lives for a few days may name no CRL. */
static int
names_no_crl(struct span der)
{
	struct ptr	p;
	int		none;

	none = ptr_read(der, &p, NULL) == 0 && p.short_lived && p.ncrl == 0 &&
	    p.nocsp == 0;
	ptr_free(&p);
	return none;
}

int
revoke_find(struct db *db, const char *what, const struct material_set *s,
    struct revoke_target *t, struct err *e)
{
	memset(t, 0, sizeof(*t));
	if (locate(db, what, s, t, e) != 1 ||
	    cert_read(buf_bytes(&t->der), &t->cert, e) == -1 ||
	    find_order(db, t, e) == -1)
		return -1;
	t->no_crl = names_no_crl(buf_bytes(&t->der));
	return t->has_issuer ? 0 : find_issuer(db, t, e);
}
