#ifndef TESTS_CONFORMANCE_CRL_H
#define TESTS_CONFORMANCE_CRL_H

#include <dirent.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clk.h"
#include "ocsp/crlscan.h"
#include "pki/der.h"

/*
 * What the suites of CRLs share: counting, files of $CERTVIGIL_DATA, and what
 * a CRL says about a certificate.  Cases where we differ on purpose are named
 * by the suite and stand, with the reason, in deviations.md; a difference
 * that is not there, or one there that is none, fails.
 */

enum verdict { GOOD, REVOKED, UNKNOWN };

static const char *const verdicts[] = { "good", "revoked", "unknown" };

struct suite {
	const char		*name;
	const char *const	*deviations;	/* NULL at the end, or NULL */
	int			 cases, expected, accepts, rejects, differ;
	int			 skipped;
};

static int	passed, failed, skipped;

/* --- counting --- */

static inline int
is_deviation(const struct suite *s, const char *name)
{
	const char *const	*d = s->deviations;

	for (; d != NULL && *d != NULL; d++)
		if (strcmp(*d, name) == 0)
			return 1;
	return 0;
}

/* A case: what its authors say, and what we say. */
static inline void
result(struct suite *s, const char *name, enum verdict want,
    enum verdict got, const char *why)
{
	int	listed = is_deviation(s, name);

	s->cases++;
	if (got == want) {
		s->expected++;
		if (!listed) {
			passed++;
			return;
		}
	} else if (listed) {
		s->differ++;
		passed++;
		return;
	} else if (got == GOOD) {
		s->accepts++;
	} else
		s->rejects++;
	failed++;
	printf("%s: %s: %s, not %s (%s)%s\n", s->name, name, verdicts[got],
	    verdicts[want], why, listed ? ": no deviation any more" : "");
}

static inline void
summary(const struct suite *s)
{
	printf("%s: %d cases, %d as expected, %d wrong accepts, %d wrong "
	    "rejects, %d deviations, %d skipped\n", s->name, s->cases,
	    s->expected, s->accepts, s->rejects, s->differ, s->skipped);
}

/* --- files --- */

static inline const char *
path_of(const char *rel)
{
	static char	 path[1024];
	const char	*dir = getenv("CERTVIGIL_DATA");

	(void)snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir :
	    "../shared/data", rel);
	return path;
}

/* A file, or 0 bytes. */
static inline void
load(const char *rel, struct buf *out)
{
	FILE	*f = fopen(path_of(rel), "rb");
	size_t	 k;

	buf_reset(out);
	if (f == NULL)
		return;
	while ((k = fread(buf_room(out, 65536), 1, 65536, f)) > 0)
		out->n += k;
	(void)fclose(f);
}

/* Names in a folder, sorted; their number or -1. */
static inline int
list(const char *rel, struct dirent ***v)
{
	return scandir(path_of(rel), v, NULL, alphasort);
}

static inline int
ends(const char *s, const char *with)
{
	size_t	n = strlen(s), k = strlen(with);

	return n >= k && strcmp(s + n - k, with) == 0;
}

static inline void
absent(struct suite *s, int n, const char *what)
{
	printf("SKIP %d %s is not there\n", n, what);
	s->skipped += n;
	skipped += n;
}

/* --- what a CRL says about a certificate --- */

/* A certificate as these suites need it. */
struct subject {
	struct buf	der;
	X509		*x;
	struct buf	image;		/* its serial */
	struct crlset	set;
	int		is_ca;
};

static inline int
subject_read(struct subject *s, struct span der)
{
	const uint8_t		*p = der.p;
	struct crlset_build	*b;
	struct span		 tbs;
	struct der_tbs		 t;

	memset(s, 0, sizeof(*s));
	s->x = d2i_X509(NULL, &p, (long)der.n);
	if (s->x == NULL || der_cert(der, &tbs, NULL, NULL, NULL) == -1 ||
	    der_tbs(tbs, &t, NULL) == -1)
		return -1;
	buf_span(&s->der, der);
	b = crlset_new();
	if (crlset_add_int(b, t.serial, NULL) == -1) {
		crlset_free(b);
		return -1;
	}
	crlset_done(b, &s->image);
	s->is_ca = X509_check_ca(s->x) == 1;
	return crlset_open(&s->set, s->image.p, s->image.n, NULL);
}

static inline void
subject_free(struct subject *s)
{
	buf_free(&s->der);
	buf_free(&s->image);
	X509_free(s->x);
}

/* One CRL by one issuer. */
static inline enum verdict
scan(const struct crlscan_in *in, struct span crl)
{
	struct crlscan_out	o;
	enum verdict		v = UNKNOWN;

	crlscan_bytes(in, crl, &o);
	if (o.nhits != 0 && crl_fault_revokes(o.fault))
		v = REVOKED;
	else if (o.fault == CRL_OK && o.nhits == 0 &&
	    (in->url != NULL || in->point.p != NULL || !o.partitioned))
		v = GOOD;
	crlscan_out_free(&o);
	return v;
}

/* Certificates, some of which may be the issuer's. */
struct issuers {
	const struct subject	*v;
	size_t			 n;
};

/* One CRL by any issuer of the certificate: revoked counts most. */
static inline enum verdict
scan_any(struct crlscan_in *in, const struct subject *s,
    const struct issuers *by, struct span crl)
{
	enum verdict	best = UNKNOWN, v;
	size_t		i;

	for (i = 0; i < by->n && best != REVOKED; i++) {
		if (X509_NAME_cmp(X509_get_subject_name(by->v[i].x),
		    X509_get_issuer_name(s->x)) != 0)
			continue;
		in->issuer = buf_bytes(&by->v[i].der);
		v = scan(in, crl);
		if (v != UNKNOWN)
			best = v;
	}
	return best;
}

/* The DistributionPointName of a distribution point, or 0 bytes. */
static inline void
point_der(const DIST_POINT *d, struct buf *out)
{
	uint8_t	*der = NULL;
	int	 n;

	buf_reset(out);
	if (d->distpoint == NULL)
		return;
	n = ASN1_item_i2d((ASN1_VALUE *)d->distpoint, &der,
	    ASN1_ITEM_rptr(DIST_POINT_NAME));
	if (n > 0)
		buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
}

/*
 * A certificate and one CRL: through each of its distribution points, or,
 * when it has none, a CRL that is about all.  Points with a cRLIssuer are
 * those of indirect CRLs.
 */
static inline enum verdict
judge(const struct subject *s, const struct issuers *by, struct span crl,
    struct crlscan_in *in)
{
	CRL_DIST_POINTS	*v = X509_get_ext_d2i(s->x,
			    NID_crl_distribution_points, NULL, NULL);
	DIST_POINT	*d;
	struct buf	 point = BUF_INIT;
	enum verdict	 best = UNKNOWN, r;
	int		 i;

	in->set = &s->set;
	in->for_ca = s->is_ca;
	in->point = (struct span){ NULL, 0 };
	if (v == NULL)
		best = scan_any(in, s, by, crl);
	for (i = 0; i < sk_DIST_POINT_num(v) && best != REVOKED; i++) {
		d = sk_DIST_POINT_value(v, i);
		point_der(d, &point);
		if (d->CRLissuer != NULL || d->reasons != NULL ||
		    point.n == 0)
			continue;
		in->point = buf_bytes(&point);
		r = scan_any(in, s, by, crl);
		if (r != UNKNOWN)
			best = r;
	}
	CRL_DIST_POINTS_free(v);
	buf_free(&point);
	return best;
}

static inline struct crlscan_in
in_at(const char *time)
{
	struct crlscan_in	in = { .last_this = INT64_MIN };

	if (clk_parse(time, &in.now) == -1)
		abort();
	return in;
}

/* The last line, and the exit status. */
static inline int
finish(void)
{
	printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
	return failed != 0;
}

#endif
