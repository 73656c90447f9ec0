#ifndef TESTS_CONFORMANCE_CRLS_H
#define TESTS_CONFORMANCE_CRLS_H

/*
 * What CRLs say of each certificate of a path: scans by ocsp/crlscan, merged
 * by ocsp/rev.  Revoked in any authentic CRL in scope is revoked; good only
 * when each point that the certificate names (RFC 5280 4.2.1.13; without one
 * its issuer's name, 6.3.3) has a CRL that is fresh, authentic, in scope and
 * silent.
 */

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "ocsp/crlscan.h"
#include "ocsp/rev.h"
#include "pki/cert.h"
#include "pki/chain.h"
#include "pki/der.h"
#include "pki/ptr.h"

#define CRLS_MAX	8
#define CRLS_POINTS	4
/* Of a CRL's issuer the CRLs are asked, too: not for ever. */
#define CRLS_DEPTH	3

struct crls {
	struct span		 crl[CRLS_MAX];
	size_t			 n;
	const struct span	*pool;	/* whose keys may sign them */
	size_t			 npool;
	struct roots		*roots;
	int64_t			 at;
	int			 profile;
	/* inside */
	struct crlscan_in	 in;	/* for the certificate and its point */
	int			 depth;	/* of the asking */
	char			 why[256];
};

static enum rev_status crls_path(struct crls *, const struct chain_path *);

static inline int
crls_same(struct span a, struct span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* Are these two Names the same (RFC 5280 7.1)? */
static inline int
crls_same_name(struct span a, struct span b)
{
	const uint8_t	*p = a.p, *q = b.p;
	X509_NAME	*x = d2i_X509_NAME(NULL, &p, (long)a.n);
	X509_NAME	*y = d2i_X509_NAME(NULL, &q, (long)b.n);
	int		 same;

	same = x != NULL && y != NULL && X509_NAME_cmp(x, y) == 0;
	X509_NAME_free(x);
	X509_NAME_free(y);
	ERR_clear_error();
	return same;
}

static inline int
crls_tbs(struct span der, struct der_tbs *t)
{
	struct span	tbs;

	return der_cert(der, &tbs, NULL, NULL, NULL) == 0 &&
	    der_tbs(tbs, t, NULL) == 0 ? 0 : -1;
}

/*
 * The distributionPoints that a certificate names, or [0] with its issuer's
 * name (in ${mem}): how many, -1 when they cannot be read.
 */
static inline int
crls_points(const struct der_tbs *t, struct span *out, struct buf *mem)
{
	struct span	v, body;
	struct cur	c, in;
	struct der	d;
	struct buf	name = BUF_INIT;
	int		n = 0, r;

	r = der_ext(t, (const uint8_t *)"\x55\x1d\x1f", 3, &v, NULL);
	if (r == -1 || (r == 1 && der_only(v, DER_SEQ, &body) == -1))
		return -1;
	if (r == 0) {
		der_put(&name, 0xa4, t->issuer.n);
		buf_span(&name, t->issuer);
		der_put(mem, 0xa0, name.n);
		buf_span(mem, buf_bytes(&name));
		buf_free(&name);
		out[0] = buf_bytes(mem);
		return 1;
	}
	for (c = cur_span(body); cur_left(&c) != 0; n++) {
		if (n == CRLS_POINTS || der_want(&c, DER_SEQ, &d) == -1)
			return -1;
		in = cur_span(d.body);
		if (der_want(&in, 0xa0, &d) == -1)
			return -1;
		out[n] = d.body;
	}
	return n;
}

/*
 * Does a certificate lead to the roots, and is it not revoked?  That of a
 * CRL's issuer must (6.3.3 f).
 */
static inline int
crls_trusts(const struct crls *s, struct span cert)
{
	const struct roots	*programs[1] = { s->roots };
	struct chain_in		 in = { .leaf = cert, .pool = s->pool,
				    .npool = s->npool, .programs = programs,
				    .nprograms = 1, .at = s->at,
				    .first_sct = INT64_MIN, .max_depth = -1,
				    .any_eku = 1, .permissive = 1 };
	const struct chain_path	*p;
	struct crls		 deeper = *s;
	struct chain		 c;
	struct err		 e = ERR_INIT;
	size_t			 i;
	int			 ok;

	for (i = 0; i < s->roots->n; i++)
		if (crls_same(cert, (struct span){ s->roots->v[i].der,
		    s->roots->v[i].nder }))
			return 1;
	if (deeper.depth++ == CRLS_DEPTH)
		return 0;
	ok = chain_build(&in, &c, &e) == 0 &&
	    (p = chain_best(&c, s->roots)) != NULL &&
	    p->verdict == CHAIN_TRUSTED && crls_path(&deeper, p) == REV_GOOD;
	chain_free(&c);
	return ok;
}

/* A CRL as one by the key of ${issuer}: 1 when it is authentic. */
static inline int
crls_scan(struct crls *s, struct span crl, struct span issuer,
    struct rev_source *out)
{
	struct crlscan_out	o;
	int			authentic;

	s->in.issuer = issuer;
	crlscan_bytes(&s->in, crl, &o);
	out->status = REV_UNKNOWN;
	if (o.nhits != 0 && crl_fault_revokes(o.fault)) {
		out->status = REV_REVOKED;
		out->reason = o.hits[0].reason;
		out->revoked_at = o.hits[0].at;
	} else if (o.fault == CRL_OK)
		out->status = REV_GOOD;
	else
		snprintf(s->why, sizeof(s->why), "%s", o.why);
	authentic = o.authentic;
	crlscan_out_free(&o);
	return authentic;
}

/*
 * One CRL, whoever of this name signed it: the issuer of the certificate, or
 * another key of it that leads to the same roots.
 */
static inline void
crls_one(struct crls *s, struct span crl, struct span issuer,
    struct rev_source *out)
{
	struct der_tbs	is, t;
	size_t		i;

	if (crls_scan(s, crl, issuer, out) || crls_tbs(issuer, &is) == -1)
		return;
	for (i = 0; i < s->npool; i++) {
		if (crls_same(s->pool[i], issuer) ||
		    crls_tbs(s->pool[i], &t) == -1 ||
		    !crls_same_name(t.subject, is.subject))
			continue;
		if (crls_scan(s, crl, s->pool[i], out) &&
		    crls_trusts(s, s->pool[i]))
			return;
		out->status = REV_UNKNOWN;
	}
}

/* One point: revoked by any CRL of it, good by one of them. */
static inline void
crls_point(struct crls *s, struct span issuer, struct rev_source *out)
{
	struct rev_source	one = { .kind = REV_CRL, .where = "of the case",
				    .required = 1, .reason = -1,
				    .revoked_at = INT64_MIN };
	size_t			i;

	*out = one;
	out->status = REV_UNKNOWN;
	snprintf(s->why, sizeof(s->why), "there is none");
	for (i = 0; i < s->n && out->status != REV_REVOKED; i++) {
		crls_one(s, s->crl[i], issuer, &one);
		if (one.status == REV_REVOKED || one.status == REV_GOOD)
			*out = one;
	}
	out->refusal = out->status == REV_UNKNOWN ? s->why : "";
}

/* All points of a certificate. */
static inline void
crls_ask(struct crls *s, const struct span *point, int n, struct span issuer,
    struct rev *out)
{
	struct rev_source	 v[CRLS_POINTS];
	char			 why[CRLS_POINTS][sizeof(s->why)];
	int			 i;

	for (i = 0; i < n; i++) {
		s->in.point = point[i];
		crls_point(s, issuer, &v[i]);
		memcpy(why[i], s->why, sizeof(why[i]));
		if (v[i].refusal == s->why)
			v[i].refusal = why[i];
	}
	rev_merge(v, (size_t)n, 0, out);
}

/* What the CRLs say of one certificate of this issuer. */
static inline enum rev_status
crls_cert(struct crls *s, struct span der, struct span issuer)
{
	struct span		 point[CRLS_POINTS];
	struct crlset_build	*b = crlset_new();
	struct buf		 image = BUF_INIT, mem = BUF_INIT;
	struct crlset		 set;
	struct der_tbs		 t;
	struct cert		 c;
	struct ptr		 p;
	struct rev		 r = { .status = REV_UNKNOWN };
	int			 n = -1, read;

	read = cert_read(der, &c, NULL) == 0;
	read = ptr_read(der, &p, NULL) == 0 && read;
	if (read && crls_tbs(der, &t) == 0) {
		(void)crlset_add_int(b, t.serial, NULL);
		n = crls_points(&t, point, &mem);
	}
	crlset_done(b, &image);
	if (crlset_open(&set, image.p, image.n, NULL) == -1)
		abort();
	memset(&s->in, 0, sizeof(s->in));
	s->in.set = &set;
	s->in.for_ca = c.is_ca;
	s->in.now = s->at;
	s->in.last_this = INT64_MIN;
	s->in.profile = s->profile;
	if (n > 0)
		crls_ask(s, point, n, issuer, &r);
	snprintf(s->why, sizeof(s->why), "%s", r.why);
	/* by reasons, or of another issuer: no proof of absence */
	if (n <= 0 || (p.crl_partial && r.status != REV_REVOKED)) {
		r.status = REV_UNKNOWN;
		snprintf(s->why, sizeof(s->why), "its CRLDP has reasons or "
		    "a cRLIssuer, or cannot be read");
	}
	cert_free(&c);
	ptr_free(&p);
	buf_free(&image);
	buf_free(&mem);
	return r.status;
}

/*
 * All of a path but its root: the first that is not good decides, and is
 * ${why}.
 */
static enum rev_status
crls_path(struct crls *s, const struct chain_path *path)
{
	enum rev_status	r = REV_GOOD;
	size_t		i;

	for (i = 0; i + 1 < path->n && r == REV_GOOD; i++)
		r = crls_cert(s, path->der[i], path->der[i + 1]);
	return r;
}

#endif
