#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "ocsp/certid.h"
#include "ocsp/ocsp_ask.h"
#include "ocsp/resp.h"
#include "pki/cert.h"
#include "tests/unit/pki/data.h"

/*
 * The OCSP suites of BoringSSL, OpenSSL and Go, and answers of public CAs.
 * An answer is accepted when it says good or revoked and that counts.  Each
 * case is judged at a time when it was fresh, if it ever was.
 */

#define DAY		(86400 * CLK_SEC)

#define BORING		"revocation/boringssl/ocsp_unittest"
#define BORING_NOW	(1488672000 * CLK_SEC)	/* upstream: 2017-03-05 */
#define OPENSSL		"ocsp/openssl"
#define GO		"ocsp/golang"
#define ZEEK		"ocsp/zeek-extracted"

struct suite {
	const char	*name;
	unsigned	 cases, as_expected, accepts, rejects, skipped;
	unsigned	 deviations;
};

/* deviations.md: "- `name`: reason" below "## OCSP". */
static struct buf	deviations = BUF_INIT;

static int
deviates(const char *name)
{
	char		 item[200];
	const char	*s = strstr(buf_text(&deviations), "\n## OCSP\n");
	const char	*end, *at;

	(void)snprintf(item, sizeof(item), "\n- `%s`:", name);
	if (s == NULL)
		return 0;
	end = strstr(s + 1, "\n## ");
	at = strstr(s, item);
	return at != NULL && (end == NULL || at < end);
}

static void
read_deviations(void)
{
	FILE	*f = fopen("tests/conformance/deviations.md", "r");
	size_t	 n;

	if (f == NULL)
		return;
	while ((n = fread(buf_room(&deviations, 4096), 1, 4096, f)) > 0)
		deviations.n += n;
	(void)buf_room(&deviations, 0);
	(void)fclose(f);
}

static const char *
word(enum ocsp_says v)
{
	static const char *const	w[] = { "nothing", "good", "revoked",
	    "unknown" };

	return w[v];
}

/*
 * Count a case.  Unknown and nothing are one verdict: not accepted.  To
 * accept what should not be, or as the wrong one, is a wrong accept.
 */
static void
count(struct suite *s, const char *name, enum ocsp_says want,
    enum ocsp_says got, const char *why)
{
	int	wanted = want == OCSP_SAYS_GOOD || want == OCSP_SAYS_REVOKED;
	int	accepted = got == OCSP_SAYS_GOOD || got == OCSP_SAYS_REVOKED;

	s->cases++;
	if (accepted ? want == got : !wanted) {
		s->as_expected++;
		return;
	}
	if (deviates(name)) {
		s->deviations++;
		return;
	}
	if (accepted)
		s->accepts++;
	else
		s->rejects++;
	(void)printf("%s: %s: %s, not %s (%s)\n", s->name, name, word(got),
	    word(want), why);
}

/* Print a suite; what of it counts as failed. */
static unsigned
report(const struct suite *s)
{
	(void)printf("%s: %u cases, %u as expected, %u deviations, %u wrong "
	    "accepts, %u wrong rejects, %u skipped\n", s->name, s->cases,
	    s->as_expected, s->deviations, s->accepts, s->rejects,
	    s->skipped);
	return s->accepts + s->rejects;
}

static enum ocsp_says
judge(struct span der, const struct ocsp_read_in *in, char why[256])
{
	struct ocsp_said	s;
	enum ocsp_says		v;

	ocsp_said_read(der, in, &s);
	v = ocsp_said_counts(&s);
	(void)snprintf(why, 256, "%s", s.why);
	ocsp_said_free(&s);
	return v;
}

/* --- BoringSSL: the file name says what to expect ------------------------- */

static const struct {
	const char	*name;
	enum ocsp_says	 want;
} boring[] = {
	{ "good_response", OCSP_SAYS_GOOD },
	{ "good_response_sha256", OCSP_SAYS_GOOD },
	{ "good_response_invalid_serial", OCSP_SAYS_GOOD },
	{ "good_response_next_update", OCSP_SAYS_GOOD },
	{ "ocsp_sign_direct", OCSP_SAYS_GOOD },
	{ "ocsp_sign_indirect", OCSP_SAYS_GOOD },
	{ "ocsp_extra_certs", OCSP_SAYS_GOOD },
	{ "has_version", OCSP_SAYS_GOOD },
	{ "has_extension", OCSP_SAYS_GOOD },
	{ "has_single_extension", OCSP_SAYS_GOOD },
	{ "has_critical_ct_extension", OCSP_SAYS_GOOD },
	{ "responder_name", OCSP_SAYS_GOOD },
	{ "responder_id", OCSP_SAYS_GOOD },
	{ "revoke_response", OCSP_SAYS_REVOKED },
	{ "revoke_response_reason", OCSP_SAYS_REVOKED },
	{ "multiple_response_good_revoked", OCSP_SAYS_REVOKED },
	{ "no_response", OCSP_SAYS_NOTHING },
	{ "malformed_request", OCSP_SAYS_NOTHING },
	{ "bad_status", OCSP_SAYS_NOTHING },
	{ "bad_ocsp_type", OCSP_SAYS_NOTHING },
	{ "bad_signature", OCSP_SAYS_NOTHING },
	{ "ocsp_sign_indirect_missing", OCSP_SAYS_NOTHING },
	{ "ocsp_sign_bad_indirect", OCSP_SAYS_NOTHING },
	{ "ocsp_sign_bad_indirect_critical_extension", OCSP_SAYS_NOTHING },
	{ "ocsp_sign_bad_indirect_wrong_issuer", OCSP_SAYS_NOTHING },
	{ "ocsp_sign_bad_indirect_expired", OCSP_SAYS_NOTHING },
	{ "unknown_response", OCSP_SAYS_UNKNOWN },
	{ "multiple_response", OCSP_SAYS_UNKNOWN },
	{ "other_response", OCSP_SAYS_NOTHING },
	{ "has_critical_single_extension", OCSP_SAYS_NOTHING },
	{ "has_critical_response_extension", OCSP_SAYS_NOTHING },
	{ "missing_response", OCSP_SAYS_NOTHING },
	{ "stale_response", OCSP_SAYS_NOTHING },
	{ "future_response", OCSP_SAYS_NOTHING },
	{ "old_response", OCSP_SAYS_NOTHING },
	{ "produced_early_response", OCSP_SAYS_NOTHING },
	{ "produced_late_response", OCSP_SAYS_NOTHING },
	{ "invalid_response", OCSP_SAYS_NOTHING },
	{ "invalid_response_data", OCSP_SAYS_NOTHING },
	{ "good_response_invalid_status", OCSP_SAYS_NOTHING },
	{ "revoke_response_invalid_status", OCSP_SAYS_NOTHING },
	{ "unknown_response_invalid_status", OCSP_SAYS_NOTHING },
};
#define NBORING	(sizeof(boring) / sizeof(boring[0]))

/* The question that the file holds is asked by us byte for byte the same. */
static void
boring_request(struct suite *s, const char *name, const struct ocsp_ask *a,
    const struct buf *want)
{
	struct buf	b = BUF_INIT;
	char		what[100];
	int		same;

	(void)snprintf(what, sizeof(what), "%s request", name);
	same = ocsp_ask_der(a, &b, NULL) == 0 && b.n == want->n &&
	    memcmp(b.p, want->p, b.n) == 0;
	count(s, what, OCSP_SAYS_GOOD, same ? OCSP_SAYS_GOOD :
	    OCSP_SAYS_NOTHING, "other bytes");
	buf_free(&b);
}

static void
boring_one(struct suite *s, const char *path, size_t i)
{
	struct buf		f = BUF_INIT, der = BUF_INIT, ca = BUF_INIT,
	    cert = BUF_INIT, req = BUF_INIT;
	struct ocsp_read_in	in = { .now = BORING_NOW,
	    .max_age = 7 * DAY };
	struct ocsp_ask		ask = { .hash = OCSP_SHA1 };
	struct cert		c;
	const char		*p;
	char			why[256];

	memset(&c, 0, sizeof(c));
	if (data_read(path, &f) == -1)
		goto out;
	if ((p = buf_text(&f), data_pem(&p, "OCSP RESPONSE", &der)) == -1 ||
	    (p = buf_text(&f), data_pem(&p, "CA CERTIFICATE", &ca)) == -1 ||
	    (p = buf_text(&f), data_pem(&p, "CERTIFICATE", &cert)) == -1 ||
	    (p = buf_text(&f), data_pem(&p, "OCSP REQUEST", &req)) == -1 ||
	    cert_read(buf_bytes(&cert), &c, NULL) == -1) {
		s->skipped++;
		goto out;
	}
	in.issuer = ask.issuer = buf_bytes(&ca);
	in.serial = ask.serial = c.serial;
	count(s, boring[i].name, boring[i].want, judge(buf_bytes(&der), &in,
	    why), why);
	boring_request(s, boring[i].name, &ask, &req);
out:
	cert_free(&c);
	buf_free(&f);
	buf_free(&der);
	buf_free(&ca);
	buf_free(&cert);
	buf_free(&req);
}

/* What is there of the suite; a name that is not known is skipped. */
static struct suite
run_boring(void)
{
	struct suite	 s = { .name = "BoringSSL OCSP" };
	char		**files = data_list(BORING), name[100];
	const char	*base, *dot;
	size_t		 i, k;

	for (i = 0; files != NULL && files[i] != NULL; i++) {
		base = strrchr(files[i], '/') + 1;
		dot = strrchr(base, '.');
		if (dot == NULL || strcmp(dot, ".pem") != 0)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s",
		    (int)(dot - base), base);
		for (k = 0; k < NBORING; k++)
			if (strcmp(name, boring[k].name) == 0)
				break;
		if (k < NBORING)
			boring_one(&s, files[i], k);
		else
			s.skipped++;
	}
	if (files == NULL)
		s.skipped++;
	data_list_free(files);
	return s;
}

/* --- answers judged when they were made ----------------------------------- */

/* A moment after it was signed, or INT64_MIN. */
static int64_t
made_at(const struct buf *der)
{
	struct resp	r;

	return resp_read(buf_bytes(der), &r, NULL) == 0 && r.outer == 0 ?
	    r.produced_at + CLK_SEC : INT64_MIN;
}

static void
judge_then(struct suite *s, const char *name, const struct buf *der,
    struct ocsp_read_in *in, enum ocsp_says want)
{
	char	why[256];

	in->now = made_at(der);
	in->skew = 300 * CLK_SEC;
	in->max_age = 7 * DAY;
	count(s, name, want, judge(buf_bytes(der), in, why), why);
}

/* --- OpenSSL: its test names files and issuers ---------------------------- */

/* A file of base64 text. */
static int
read_b64(const char *name, struct buf *out)
{
	struct buf	f = BUF_INIT, t = BUF_INIT;
	size_t		i;
	int		r = -1;

	buf_reset(out);
	if (data_read(name, &f) == 0) {
		for (i = 0; i < f.n; i++)
			if (f.p[i] > ' ')
				buf_u8(&t, f.p[i]);
		r = enc_unb64(buf_text(&t), t.n, out);
	}
	buf_free(&f);
	buf_free(&t);
	return r;
}

/* One row of upstream's test: response, issuer, certificate. */
static void
openssl_one(struct suite *s, const char *ors, const char *issuer,
    const char *id, enum ocsp_says want)
{
	struct buf		der = BUF_INIT, ca = BUF_INIT,
	    cert = BUF_INIT;
	struct ocsp_read_in	in;
	struct cert		c;
	char			path[200], name[200];

	memset(&in, 0, sizeof(in));
	memset(&c, 0, sizeof(c));
	(void)snprintf(name, sizeof(name), "%s.ors %s", ors, issuer);
	(void)snprintf(path, sizeof(path), OPENSSL "/%s.ors", ors);
	if (read_b64(path, &der) == -1)
		goto skip;
	(void)snprintf(path, sizeof(path), OPENSSL "/%s.pem", issuer);
	if (data_cert(path, &ca) == -1)
		goto skip;
	(void)snprintf(path, sizeof(path), OPENSSL "/%s_Cert_%s.pem", id,
	    id[strlen(id) - 1] == '2' ? "ICA" : "EE");
	if (data_cert(path, &cert) == -1 ||
	    cert_read(buf_bytes(&cert), &c, NULL) == -1)
		goto skip;
	in.issuer = buf_bytes(&ca);
	in.serial = c.serial;
	judge_then(s, name, &der, &in, want);
	goto out;
skip:
	s->skipped++;
out:
	cert_free(&c);
	buf_free(&der);
	buf_free(&ca);
	buf_free(&cert);
}

static struct suite
run_openssl(void)
{
	static const char *const ids[] = { "ND1", "ND2", "ND3", "D1", "D2",
	    "D3" };
	/* By what is changed: of the response; of the issuer. */
	static const struct {
		const char	*ors, *issuer;
		int		 delegated;	/* only those */
		enum ocsp_says	 want;
	} kinds[] = {
		{ "", "", 0, OCSP_SAYS_GOOD },
		{ "ISOP_", "", 0, OCSP_SAYS_NOTHING },
		{ "WRID_", "", 0, OCSP_SAYS_NOTHING },
		{ "WINH_", "", 0, OCSP_SAYS_NOTHING },
		{ "WIKH_", "", 0, OCSP_SAYS_NOTHING },
		{ "WKDOSC_", "", 1, OCSP_SAYS_NOTHING },
		{ "ISDOSC_", "", 1, OCSP_SAYS_NOTHING },
		{ "", "WSNIC_", 0, OCSP_SAYS_NOTHING },
		{ "", "WKIC_", 0, OCSP_SAYS_NOTHING },
		/* the issuer is given, whoever signed it */
		{ "", "ISIC_", 0, OCSP_SAYS_GOOD },
	};
	struct suite	s = { .name = "OpenSSL OCSP" };
	char		ors[32], issuer[64];
	size_t		i, k;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (k = 0; k < sizeof(ids) / sizeof(ids[0]); k++) {
			if (kinds[i].delegated && ids[k][0] != 'D')
				continue;
			(void)snprintf(ors, sizeof(ors), "%s%s",
			    kinds[i].ors, ids[k]);
			(void)snprintf(issuer, sizeof(issuer),
			    "%s%s_Issuer_%s", kinds[i].issuer, ids[k],
			    k % 3 == 0 ? "ICA" : "Root");
			openssl_one(&s, ors, issuer, ids[k], kinds[i].want);
		}
	openssl_one(&s, "ND1", "ND1_Issuer_ICA-Cross", "ND1",
	    OCSP_SAYS_GOOD);
	return s;
}

/* --- Go's answers, and some that were caught on the wire ------------------ */

static int
is_pem(const char *name)
{
	return strcmp(name + strlen(name) - 4, ".pem") == 0;
}

/* An answer about its own first certificate, by this issuer. */
static void
real_one(struct suite *s, const char *name, const struct buf *der,
    struct span ca, enum ocsp_says want)
{
	struct ocsp_read_in	in = { .issuer = ca };
	struct resp_single	one;
	struct resp		r;
	struct buf		serial = BUF_INIT;
	struct cur		c;

	if (resp_read(buf_bytes(der), &r, NULL) == 0) {
		c = cur_span(r.singles);
		if (resp_single_next(&c, &one) == 0)
			enc_hex(&serial, one.id.serial.p, one.id.serial.n);
	}
	in.serial = buf_text(&serial);
	judge_then(s, name, der, &in, want);
	buf_free(&serial);
}

/* The issuer that the first answer names, among the certificates of a file. */
static int
find_issuer(const char *path, const struct buf *der, struct buf *ca)
{
	struct buf		f = BUF_INIT;
	struct certid_ca	of;
	struct resp_single	one;
	struct resp		r;
	struct cur		c;
	const char		*p;
	int			found = 0;

	if (resp_read(buf_bytes(der), &r, NULL) == -1 ||
	    data_read(path, &f) == -1)
		goto out;
	c = cur_span(r.singles);
	if (resp_single_next(&c, &one) == -1)
		goto out;
	for (p = buf_text(&f); !found && data_pem(&p, "CERTIFICATE", ca) ==
	    0;)
		found = certid_ca(buf_bytes(ca), &of, NULL) == 0 &&
		    certid_is(&one.id, &of, one.id.serial) == CERTID_SAME;
out:
	buf_free(&f);
	return found;
}

static void
go_request(struct suite *s)
{
	struct buf	want = BUF_INIT, ca = BUF_INIT;
	struct ocsp_ask	a = { .serial = "017f77deb3bcbb235d44ccc7dba62e72",
	    .hash = OCSP_SHA1 };

	if (data_read(GO "/ocspRequestHex.der", &want) == -1 ||
	    data_read(GO "/issuerCertHex.der", &ca) == -1) {
		s->skipped++;
	} else {
		a.issuer = buf_bytes(&ca);
		boring_request(s, "ocspRequestHex.der", &a, &want);
	}
	buf_free(&want);
	buf_free(&ca);
}

static struct suite
run_real(void)
{
	static const struct {
		const char	*name, *issuer;
		enum ocsp_says	 want;
	} t[] = {
		{ GO "/ocspResponseHex.der", GO "/GTSRoot.pem",
		    OCSP_SAYS_GOOD },
		{ GO "/ocspResponseWithoutCertHex.der",
		    OPENSSL "/ND1_Issuer_ICA.pem", OCSP_SAYS_GOOD },
		/* signed by a certificate that signed itself */
		{ GO "/ocspResponseWithExtensionHex.der",
		    GO "/issuerCertHex.der", OCSP_SAYS_NOTHING },
		{ GO "/ocspResponseWithCriticalExtensionHex.der",
		    GO "/issuerCertHex.der", OCSP_SAYS_NOTHING },
		/* a certificate, and a question: no answers */
		{ GO "/startComHex.der", GO "/issuerCertHex.der",
		    OCSP_SAYS_NOTHING },
		{ GO "/ocspRequestHex.der", GO "/issuerCertHex.der",
		    OCSP_SAYS_NOTHING },
		{ ZEEK "/ocsp-request-response-1.der",
		    "certs/cfssl_trust/int-bundle.crt", OCSP_SAYS_GOOD },
		{ ZEEK "/signed_certificate_timestamp-2-1.der",
		    "certs/cfssl_trust/int-bundle.crt", OCSP_SAYS_GOOD },
	};
	struct suite	s = { .name = "real OCSP answers" };
	struct buf	der = BUF_INIT, ca = BUF_INIT;
	size_t		i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&der);
		buf_reset(&ca);
		if (data_read(t[i].name, &der) == -1 ||
		    (strncmp(t[i].issuer, "certs/", 6) == 0 ?
		    !find_issuer(t[i].issuer, &der, &ca) :
		    (is_pem(t[i].issuer) ? data_cert(t[i].issuer, &ca) :
		    data_read(t[i].issuer, &ca)) == -1))
			s.skipped++;
		else
			real_one(&s, t[i].name, &der, buf_bytes(&ca),
			    t[i].want);
	}
	go_request(&s);
	buf_free(&der);
	buf_free(&ca);
	return s;
}

int
main(void)
{
	struct suite	s[3];
	unsigned	i, passed = 0, failed = 0, skipped = 0;

	read_deviations();
	s[0] = run_boring();
	s[1] = run_openssl();
	s[2] = run_real();
	for (i = 0; i < 3; i++) {
		failed += report(&s[i]);
		passed += s[i].as_expected + s[i].deviations;
		skipped += s[i].skipped;
	}
	buf_free(&deviations);
	(void)printf("%u passed, %u failed, %u skipped\n", passed, failed,
	    skipped);
	return failed != 0;
}
