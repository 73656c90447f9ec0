#include <stdlib.h>
#include <string.h>

#include "auditor/db/evidence_put.h"
#include "auditor/evidence_json.h"
#include "base/clk.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/cert.h"

/* What endpoints served. */

enum { O_ADDR, O_CERT, O_TBS, O_CHAIN, O_TLS, O_STAPLE, O_SCTS, O_ERROR,
	O_FIRST, O_LAST, O_HOST, O_PORT, O_STARTTLS, O_DER, O_ISSUER };

/* A text where there is one. */
static void
set_text(json_t *o, const char *key, const struct db_res *r, size_t i,
    size_t c)
{
	if (!db_null(r, i, c))
		json_object_set_new(o, key, evidence_text(db_text(r, i, c)));
}

/* The hash of bytes, or a hash, where there is one. */
static void
set_hash(json_t *o, const char *key, struct span v, int hash)
{
	uint8_t	sha[32];

	if (v.p == NULL)
		return;
	if (hash) {
		sha_256(sha, v.p, v.n);
		v = (struct span){ sha, 32 };
	}
	json_object_set_new(o, key, evidence_hex(v.p, v.n));
}

/* The hashes of what was served, the leaf first. */
static json_t *
chain_of(const struct db_res *r, size_t i)
{
	json_t	*a = json_array();
	char	**v;
	size_t	 k, n;

	v = db_strv(r, i, O_CHAIN, &n);
	for (k = 0; k < n; k++)
		json_array_append_new(a, json_string(v[k]));
	free(v);
	return a;
}

static int
put_served(struct evidence *ev, const struct db_res *r, size_t i,
    const char *endpoint, struct err *e)
{
	json_t	*o = evidence_begun(EVIDENCE_SERVED);
	int	 at;

	json_object_set_new(o, "endpoint", evidence_text(endpoint));
	json_object_set_new(o, "host", evidence_text(db_text(r, i, O_HOST)));
	json_object_set_new(o, "port", json_integer(db_int(r, i, O_PORT)));
	json_object_set_new(o, "starttls", evidence_text(db_text(r, i,
	    O_STARTTLS)));
	json_object_set_new(o, "address", evidence_text(db_text(r, i,
	    O_ADDR)));
	set_hash(o, "cert_sha256", db_bytes(r, i, O_CERT), 0);
	json_object_set_new(o, "chain_sha256", chain_of(r, i));
	set_text(o, "tls_version", r, i, O_TLS);
	set_hash(o, "staple_sha256", db_bytes(r, i, O_STAPLE), 1);
	set_hash(o, "scts_sha256", db_bytes(r, i, O_SCTS), 1);
	set_text(o, "error", r, i, O_ERROR);
	json_object_set_new(o, "first_seen", evidence_moment(db_time(r, i,
	    O_FIRST)));
	json_object_set_new(o, "last_seen", evidence_moment(db_time(r, i,
	    O_LAST)));
	at = evidence_attest(ev, o, NULL, e);
	return at == -1 ? -1 : evidence_recheck_of(ev, at,
	    EVIDENCE_ASK_ENDPOINT, e);
}

/* The stapled answer, if somebody signed it who may. */
static void
put_staple(struct evidence *ev, const struct db_res *r, size_t i)
{
	struct evidence_ocsp	in;
	struct cert		c;

	if (db_null(r, i, O_STAPLE) || db_null(r, i, O_DER) ||
	    db_null(r, i, O_ISSUER))
		return;
	memset(&c, 0, sizeof(c));
	if (cert_read(db_bytes(r, i, O_DER), &c, NULL) == 0) {
		in = (struct evidence_ocsp){ NULL, db_bytes(r, i, O_ISSUER),
		    db_bytes(r, i, O_STAPLE), c.serial };
		(void)evidence_ocsp(ev, &in, NULL);
	}
	cert_free(&c);
}

/* The issuance of a row, unless a row before it has the same. */
static int
put_certificate(struct db *db, struct evidence *ev, const struct db_res *r,
    size_t i, struct err *e)
{
	struct evidence_held	held;
	struct span		tbs = db_bytes(r, i, O_TBS), before;
	struct err		why = ERR_INIT;
	size_t			k;

	if (tbs.p == NULL)
		return 0;
	for (k = 0; k < i; k++) {
		before = db_bytes(r, k, O_TBS);
		if (before.n == tbs.n && memcmp(before.p, tbs.p, tbs.n) == 0)
			return 0;
	}
	if (evidence_put_issuance(db, &tbs, ev, &held, &why) == 0 ||
	    why.code == ERR_NOENT)
		return 0;
	return err_set(e, why.code, "%s", why.msg);
}

/* "HOST:PORT/PROTOCOL" taken apart: a copy to free(), and its ends. */
static char *
parts_of(const char *subject, const char **port, const char **starttls)
{
	char	*copy = mem_str(subject), *colon, *slash;

	*starttls = "";
	if ((slash = strchr(copy, '/')) != NULL) {
		*slash = '\0';
		*starttls = slash + 1;
	}
	*port = "";
	/* an IPv6 address has more colons */
	if ((colon = strrchr(copy, ':')) != NULL) {
		*colon = '\0';
		*port = colon + 1;
	}
	return copy;
}

int
evidence_put_endpoint(struct db *db, const char *subject,
    struct evidence *ev, struct err *e)
{
	struct db_res	*r = NULL;
	const char	*port, *starttls;
	char		*host = parts_of(subject, &port, &starttls);
	size_t		 i;
	int		 rc = -1;

	/* what each address serves now; removed endpoints keep their past */
	if (db_query(db, &r, e, "select distinct on (o.addr) o.addr, "
	    "o.cert_sha256, o.tbs_sha256, array(select encode(c, 'hex') from "
	    "unnest(o.chain) with ordinality u (c, nr) order by nr), "
	    "o.tls_version, o.staple, o.scts, o.error, o.first_seen, "
	    "o.last_seen, p.host, p.port, p.starttls, s.der, i.der "
	    "from endpoint p join endpoint_observation o "
	    "on o.endpoint_id = p.id "
	    "left join served_certificate s on s.sha256 = o.cert_sha256 "
	    "left join cert_fact f on f.tbs_sha256 = o.tbs_sha256 "
	    "left join issuer i on i.sha256 = f.issuer_sha256 "
	    "where p.host = btrim($1, '[]') and p.port::text = $2 and "
	    "p.starttls = $3 order by o.addr, o.id desc limit 32", "sss",
	    host, port, starttls) == -1)
		goto out;
	if (db_rows(r) == 0) {
		(void)err_set(e, ERR_NOENT, "nothing is stored about it");
		goto out;
	}
	for (rc = 0, i = 0; i < db_rows(r) && rc != -1; i++) {
		rc = put_certificate(db, ev, r, i, e);
		if (rc != -1) {
			put_staple(ev, r, i);
			rc = put_served(ev, r, i, subject, e);
		}
	}
out:
	free(host);
	db_free(r);
	return rc == -1 ? -1 : 0;
}
