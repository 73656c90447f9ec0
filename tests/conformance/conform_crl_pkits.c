#include "tests/conformance/crl.h"

#include <jansson.h>

/*
 * NIST PKITS as far as CRLs decide: each certificate of a path, but the trust
 * anchor, must be good by the CRLs of the case where the path validates, and
 * one must not be where the case is about revocation (4.4, 4.14, 4.15).  No
 * path is built or checked here.  Prints a line and "N passed, N failed,
 * N skipped".
 */

#define MOST	16	/* certificates of a case */

static const char *const differ[] = {
	"4.1.4", "4.1.5", "4.14.18", "4.14.19", "4.14.22", "4.14.24",
	"4.14.25", "4.14.28", "4.14.29", "4.14.30", "4.14.33", "4.15.5",
	NULL
};

struct pkits {
	struct subject	cert[MOST];
	size_t		ncert;
	struct buf	crl[MOST];
	size_t		ncrl;
};

static void
read_case(const json_t *t, struct pkits *p)
{
	const json_t	*v = json_object_get(t, "certs"), *x;
	struct buf	 der = BUF_INIT;
	char		 rel[300];
	size_t		 i;

	memset(p, 0, sizeof(*p));
	json_array_foreach(v, i, x) {
		(void)snprintf(rel, sizeof(rel), "chain/nist-pkits/certs/"
		    "%s.crt", json_string_value(x));
		load(rel, &der);
		if (p->ncert < MOST && subject_read(&p->cert[p->ncert],
		    buf_bytes(&der)) == 0)
			p->ncert++;
	}
	v = json_object_get(t, "crls");
	json_array_foreach(v, i, x) {
		(void)snprintf(rel, sizeof(rel), "chain/nist-pkits/crls/"
		    "%s.crl", json_string_value(x));
		if (p->ncrl < MOST)
			load(rel, &p->crl[p->ncrl++]);
	}
	buf_free(&der);
}

/* Revoked in any, good in one and revoked in none, else unknown. */
static enum verdict
cert_verdict(const struct pkits *p, const struct subject *s)
{
	struct crlscan_in	in = in_at("2020-01-01T00:00:00Z");
	struct issuers		by = { p->cert, p->ncert };
	enum verdict		best = UNKNOWN, v;
	size_t			i;

	for (i = 0; i < p->ncrl && best != REVOKED; i++) {
		v = judge(s, &by, buf_bytes(&p->crl[i]), &in);
		if (v != UNKNOWN)
			best = v;
	}
	return best;
}

/* Of the whole path: what is worst. */
static enum verdict
path_verdict(const struct pkits *p)
{
	enum verdict	worst = GOOD, v;
	size_t		i;

	for (i = 1; i < p->ncert; i++) {
		v = cert_verdict(p, &p->cert[i]);
		if (v == REVOKED || worst == GOOD)
			worst = v;
	}
	return worst;
}

static int
about_crls(const char *number)
{
	return strncmp(number, "4.4.", 4) == 0 ||
	    strncmp(number, "4.14.", 5) == 0 ||
	    strncmp(number, "4.15.", 5) == 0;
}

static void
one_case(struct suite *s, const json_t *t)
{
	const char	*number = json_string_value(json_object_get(t,
			    "number"));
	const char	*name = json_string_value(json_object_get(t,
			    "name"));
	int		 valid = json_is_true(json_object_get(t,
			    "should_validate"));
	struct pkits	 p;
	enum verdict	 v;
	size_t		 i;

	if (!valid && !about_crls(number))
		return;
	read_case(t, &p);
	v = path_verdict(&p);
	/* refused is refused: revoked, or nothing proves that it is good */
	if (!valid && v == REVOKED)
		v = UNKNOWN;
	result(s, number, valid ? GOOD : UNKNOWN, v, name);
	for (i = 0; i < p.ncert; i++)
		subject_free(&p.cert[i]);
	for (i = 0; i < p.ncrl; i++)
		buf_free(&p.crl[i]);
}

int
main(void)
{
	struct suite	 s = { .name = "PKITS CRLs", .deviations = differ };
	json_t		*all = json_load_file(path_of("chain/nist-pkits/"
			    "pkits_expected.json"), 0, NULL);
	const json_t	*t;
	size_t		 i;

	if (all == NULL)
		absent(&s, 249, "chain/nist-pkits");
	json_array_foreach(json_object_get(all, "tests"), i, t)
		one_case(&s, t);
	json_decref(all);
	summary(&s);
	return finish();
}
