#include "tests/conformance/vectors.h"

#include "base/clk.h"
#include "base/sha.h"
#include "ctlog/incl.h"
#include "ctlog/page.h"
#include "ctlog/policy.h"
#include "ctlog/sct.h"
#include "ctlog/scts.h"
#include "pki/cert.h"
#include "tests/conformance/loglists.h"

/*
 * SCTs of others: the classic sets, and the chains that real sites served in
 * July 2026.  The keys are those of every log list that is stored.
 */

#define GO "sct/google-ct-testdata/"
#define RS "sct/sct.rs/"
#define OS "sct/openssl/certs/"
#define NAV "static-ct/navigli2025h2/"

static struct loglist	*logs;

/* Which status stands first, or the list's reason. */
static const char *
why_of(const struct scts *s, size_t i)
{
	return i < s->n ? s->v[i].reason : s->reason;
}

/* --- the set of google/certificate-transparency --- */

enum form { EMBEDDED, BY_TLS, PRECERT };

static const struct {
	enum form	 form;
	const char	*cert, *proof;
	const char	*issuers[3];
	int		 want;
} classic[] = {
	{ BY_TLS, GO "test-cert.pem", GO "test-cert.proof",
	  { GO "ca-cert.pem" }, 1 },
	{ BY_TLS, GO "test-intermediate-cert.pem",
	  GO "test-intermediate-cert.proof", { GO "intermediate-cert.pem" },
	  1 },
	{ BY_TLS, GO "test-cert.pem", GO "rsa/test-cert-rsa.proof",
	  { GO "ca-cert.pem" }, 1 },
	{ BY_TLS, GO "test-cert.pem", GO "test-intermediate-cert.proof",
	  { GO "ca-cert.pem" }, 0 },
	{ BY_TLS, GO "test-cert.pem", GO "test-embedded-pre-cert.proof",
	  { GO "ca-cert.pem" }, 0 },
	{ BY_TLS, GO "test-embedded-cert.pem",
	  GO "test-embedded-pre-cert.proof", { GO "ca-cert.pem" }, 0 },
	{ EMBEDDED, GO "test-embedded-cert.pem", NULL,
	  { GO "intermediate-cert.pem", GO "ca-cert.pem" }, 1 },
	{ EMBEDDED, GO "test-embedded-with-preca-cert.pem", NULL,
	  { GO "ca-pre-cert.pem", GO "ca-cert.pem" }, 1 },
	{ EMBEDDED, GO "test-embedded-with-intermediate-cert.pem", NULL,
	  { GO "ca-cert.pem", GO "intermediate-cert.pem" }, 1 },
	{ EMBEDDED, GO "test-embedded-with-intermediate-preca-cert.pem", NULL,
	  { GO "intermediate-pre-cert.pem", GO "intermediate-cert.pem" }, 1 },
	{ EMBEDDED, GO "test-invalid-embedded-cert.pem", NULL,
	  { GO "ca-cert.pem" }, 0 },
	/* Without the issuer it is not known what was signed. */
	{ EMBEDDED, GO "test-embedded-cert.pem", NULL,
	  { GO "intermediate-cert.pem" }, 0 },
	{ PRECERT, GO "test-embedded-pre-cert.pem",
	  GO "test-embedded-pre-cert.proof", { GO "ca-cert.pem" }, 1 },
	{ PRECERT, GO "test-embedded-pre-cert.pem",
	  GO "rsa/test-embedded-pre-cert-rsa.proof", { GO "ca-cert.pem" },
	  1 },
	{ PRECERT, GO "test-embedded-with-preca-pre-cert.pem",
	  GO "test-embedded-with-preca-pre-cert.proof",
	  { GO "ca-pre-cert.pem", GO "ca-cert.pem" }, 1 },
	{ PRECERT, GO "test-embedded-with-intermediate-pre-cert.pem",
	  GO "test-embedded-with-intermediate-pre-cert.proof",
	  { GO "intermediate-cert.pem", GO "ca-cert.pem" }, 1 },
	{ PRECERT, GO "test-embedded-with-intermediate-preca-pre-cert.pem",
	  GO "test-embedded-with-intermediate-preca-pre-cert.proof",
	  { GO "intermediate-pre-cert.pem", GO "intermediate-cert.pem",
	    GO "ca-cert.pem" }, 1 },
	{ PRECERT, GO "test-embedded-with-preca-pre-cert.pem",
	  GO "test-embedded-with-preca-pre-cert.proof",
	  { GO "intermediate-pre-cert.pem", GO "intermediate-cert.pem",
	    GO "ca-cert.pem" }, 0 },
};

/* The SCT of a precertificate, which no list can hold: 1 it is right. */
static int
precert_ok(struct span cert, const struct span *chain, size_t n,
    struct span proof, struct err *e)
{
	const struct loglist_log	*l;
	struct entry			 en = { .type = ENTRY_PRECERT };
	struct buf			 tbs = BUF_INIT;
	struct sct			 s;
	int				 ok;

	ok = cert_precert_tbs(cert, chain, n, &tbs, en.issuer_key_hash,
	    e) == 0 && sct_read(proof, &s, e) == 0 &&
	    (l = loglist_find(logs, s.log_id)) != NULL;
	en.cert = buf_bytes(&tbs);
	ok = ok && sct_verify(&s, &en, (struct span){ l->key, l->nkey },
	    e) == 0;
	buf_free(&tbs);
	return ok;
}

static void
google(struct vec_count *all)
{
	struct vec_count	c = { 0, 0, 0, 0 };
	struct buf		b[5] = { BUF_INIT, BUF_INIT, BUF_INIT,
				    BUF_INIT, BUF_INIT };
	struct buf		list = BUF_INIT;
	struct span		issuers[3];
	struct scts		s;
	struct err		e;
	size_t			i, n;
	int			got;

	for (i = 0; i < sizeof(classic) / sizeof(classic[0]); i++) {
		struct scts_in	in = { .issuers = issuers, .logs = logs,
				    .at = clk_wall() };

		err_clear(&e);
		if (vec_pem(classic[i].cert, 0, &b[0]) == -1 ||
		    (classic[i].proof != NULL &&
		    vec_read(classic[i].proof, &b[1]) == -1)) {
			vec_skip(&c, 1, classic[i].cert);
			continue;
		}
		for (n = 0; n < 3 && classic[i].issuers[n] != NULL; n++) {
			(void)vec_pem(classic[i].issuers[n], 0, &b[2 + n]);
			issuers[n] = buf_bytes(&b[2 + n]);
		}
		in.cert = buf_bytes(&b[0]);
		in.nissuers = n;
		if (classic[i].form == PRECERT) {
			vec_case(&c, classic[i].want, precert_ok(in.cert,
			    issuers, n, buf_bytes(&b[1]), &e),
			    classic[i].cert, e.msg);
			continue;
		}
		buf_reset(&list);
		if (classic[i].form == BY_TLS) {
			buf_u16(&list, (uint16_t)(b[1].n + 2));
			buf_u16(&list, (uint16_t)b[1].n);
			buf_span(&list, buf_bytes(&b[1]));
			in.tls = buf_bytes(&list);
		}
		got = scts_read(&in, &s, &e) == 0 && s.reason[0] == '\0';
		/* The last one is that of TLS where there is one. */
		got = got && s.n > 0 && s.v[s.n - 1].status == SCTS_VALID;
		vec_case(&c, classic[i].want, got, classic[i].cert,
		    s.n > 0 ? s.v[s.n - 1].reason : e.msg);
		scts_free(&s);
	}
	vec_suite(all, &c, "google-ct-testdata");
	for (i = 0; i < 5; i++)
		buf_free(&b[i]);
	buf_free(&list);
}

/* --- the set of sct.rs, whose certificate is the four bytes "cert" --- */

static const struct {
	const char	*name;		/* before -sct.bin */
	int		 want;		/* -1: skipped */
} rust[] = {
	{ "ecdsa_p256-basic", 1 },
	{ "ecdsa_p256-wrongtime", 0 },
	{ "ecdsa_p256-wrongcert", 0 },
	{ "ecdsa_p256-wrongext", 0 },
	{ "ecdsa_p256-wrongid", 0 },
	{ "ecdsa_p256-badsigalg", 0 },
	{ "ecdsa_p256-version", 0 },
	{ "ecdsa_p256-junk", 0 },
	/* A right one, of which each part is to be refused. */
	{ "ecdsa_p256-short", 1 },
	{ "ecdsa_p256-future", -1 },
	{ "ecdsa_p384-basic", 1 },
	{ "ecdsa_p384-wrongtime", 0 },
	{ "ecdsa_p384-wrongcert", 0 },
	{ "rsa2048-basic", 1 },
	{ "rsa2048-wrongtime", 0 },
	{ "rsa2048-wrongcert", 0 },
	{ "rsa3072-basic", 1 },
	{ "rsa3072-wrongtime", 0 },
	{ "rsa3072-wrongcert", 0 },
	{ "rsa4096-basic", 1 },
	{ "rsa4096-wrongtime", 0 },
	{ "rsa4096-wrongcert", 0 },
};

/*
 * "cert" is no certificate, so the pieces of scts_read() are called.  That
 * the timestamp of "future" lies in the future of the set's clock is judged
 * by scts_read() only: tests/unit/ctlog/test_scts.c has that.
 */
static int
rust_ok(struct span sct, struct err *e)
{
	const struct loglist_log	*l;
	struct entry			 en = { .type = ENTRY_X509,
					    .cert = { (const uint8_t *)
					    "cert", 4 } };
	struct sct			 s;

	return sct_read(sct, &s, e) == 0 &&
	    (l = loglist_find(logs, s.log_id)) != NULL &&
	    sct_verify(&s, &en, (struct span){ l->key, l->nkey }, e) == 0;
}

static void
sct_rs(struct vec_count *all)
{
	struct vec_count	c = { 0, 0, 0, 0 };
	struct buf		sct = BUF_INIT;
	struct span		cut;
	char			name[128];
	struct err		e;
	size_t			i;

	for (i = 0; i < sizeof(rust) / sizeof(rust[0]); i++) {
		(void)snprintf(name, sizeof(name), RS "%s-sct.bin",
		    rust[i].name);
		err_clear(&e);
		if (vec_read(name, &sct) == -1)
			vec_skip(&c, 1, name);
		else if (rust[i].want == -1)
			vec_skip(&c, 1, "sct.rs: the time of an SCT over no "
			    "certificate");
		else
			vec_case(&c, rust[i].want, rust_ok(buf_bytes(&sct),
			    &e), name, e.msg);
		if (strstr(name, "short") != NULL)
			for (cut = buf_bytes(&sct); cut.n-- > 0;)
				vec_case(&c, 0, rust_ok(cut, NULL), name, "");
	}
	vec_suite(all, &c, "sct.rs");
	buf_free(&sct);
}

/* --- OpenSSL's: what is read is what its text dump says --- */

/* The log ids and times of a dump as hex and text, in their order. */
static void
dump_read(const struct buf *dump, struct buf *ids)
{
	const char	*p = buf_text(dump), *end;

	buf_reset(ids);
	while ((p = strstr(p, "Log ID    : ")) != NULL) {
		end = strstr(p, "Timestamp");
		for (p += 12; end != NULL && p < end; p++)
			if (*p > ' ' && *p != ':')
				buf_u8(ids, (uint8_t)(*p >= 'A' && *p <= 'F' ?
				    *p - 'A' + 'a' : *p));
	}
}

/* The list of the certificate against the dump, and every signature. */
static void
openssl_one(struct vec_count *c, const char *name)
{
	struct buf	cert = BUF_INIT, up = BUF_INIT, dump = BUF_INIT;
	struct buf	want = BUF_INIT, got = BUF_INIT;
	char		path[128];
	struct span	issuer;
	struct scts_in	in = { .issuers = &issuer, .nissuers = 1,
			    .logs = logs, .at = clk_wall() };
	struct scts	s;
	size_t		i;

	(void)snprintf(path, sizeof(path), OS "%s.pem", name);
	(void)vec_pem(path, 0, &cert);
	(void)snprintf(path, sizeof(path), OS "%s_issuer.pem", name);
	(void)vec_pem(path, 0, &up);
	(void)snprintf(path, sizeof(path), OS "%s.sct", name);
	if (vec_read(path, &dump) == -1 || cert.n == 0 || up.n == 0) {
		vec_skip(c, 1, path);
		goto out;
	}
	issuer = buf_bytes(&up);
	in.cert = buf_bytes(&cert);
	dump_read(&dump, &want);
	if (scts_read(&in, &s, NULL) == 0)
		for (i = 0; i < s.n; i++)
			enc_hex(&got, s.v[i].log_id, 32);
	vec_case(c, 1, strcmp(buf_text(&want), buf_text(&got)) == 0, path,
	    "other log ids");
	for (i = 0; i < s.n; i++)
		if (s.v[i].status == SCTS_UNKNOWN_LOG)
			vec_skip(c, 1, "the key of an old log is not stored");
		else
			vec_case(c, 1, s.v[i].status == SCTS_VALID, path,
			    s.v[i].reason);
	scts_free(&s);
out:
	buf_free(&cert);
	buf_free(&up);
	buf_free(&dump);
	buf_free(&want);
	buf_free(&got);
}

/* A list as TLS has it: a 16-bit length in front, as sct_list() reads it. */
static void
openssl_tls(struct vec_count *c)
{
	struct buf	cert = BUF_INIT, list = BUF_INIT;
	struct scts_in	in = { .logs = logs, .at = clk_wall() };
	struct err	e = ERR_INIT;
	struct scts	s;

	if (vec_pem(OS "embeddedSCTs1.pem", 0, &cert) == -1 ||
	    vec_read(OS "embeddedSCTs1.tlssct", &list) == -1) {
		vec_skip(c, 1, OS "embeddedSCTs1.tlssct");
		goto out;
	}
	in.cert = buf_bytes(&cert);
	in.tls = buf_bytes(&list);
	/* It is the embedded list: no TLS extension can hold that. */
	if (scts_read(&in, &s, &e) == 0)
		vec_case(c, 0, s.n > 0 && s.v[s.n - 1].status == SCTS_VALID,
		    OS "embeddedSCTs1.tlssct", why_of(&s, 0));
	scts_free(&s);
out:
	buf_free(&cert);
	buf_free(&list);
}

static void
openssl(struct vec_count *all)
{
	struct vec_count	c = { 0, 0, 0, 0 };

	openssl_one(&c, "embeddedSCTs1");
	openssl_one(&c, "embeddedSCTs3");
	openssl_tls(&c);
	vec_suite(all, &c, "OpenSSL's SCTs");
}

/* --- 56 real sites of July 2026 --- */

/* What all of them came to. */
struct sites {
	unsigned	sites, chains, scts, by[SCTS_MALFORMED + 1];
	unsigned	compliant[POLICY_PROGRAMS][3];	/* no, yes, unknown */
};

static void
site(const json_t *detail, int64_t at, struct sites *n, struct vec_count *c)
{
	struct buf		leaf = BUF_INIT, up[4] = { BUF_INIT, BUF_INIT,
				    BUF_INIT, BUF_INIT };
	const json_t		*want = json_object_get(detail, "scts"), *a;
	struct policy_verdict	v;
	struct span		issuers[4];
	struct scts_in		in = { .issuers = issuers, .logs = logs,
				    .at = at };
	struct cert		cert;
	struct scts		s;
	struct err		e = ERR_INIT;
	size_t			i;
	int			p;

	a = json_object_get(detail, "intermediates");
	(void)vec_b64(json_object_get(detail, "end_entity_cert"), &leaf);
	for (i = 0; i < json_array_size(a) && i < 4; i++) {
		(void)vec_b64(json_array_get(a, i), &up[i]);
		issuers[i] = buf_bytes(&up[i]);
	}
	in.cert = buf_bytes(&leaf);
	in.nissuers = i;
	if (scts_read(&in, &s, &e) == -1 ||
	    cert_read(in.cert, &cert, &e) == -1) {
		vec_case(c, 1, 0, "a site", e.msg);
		goto out;
	}
	n->chains++;
	if (s.n != json_array_size(want) || s.issuer == -1 ||
	    memcmp(s.tbs_sha256, cert.tbs_sha256, 32) != 0)
		vec_case(c, 1, 0, cert.subject, "count, issuer or TBS");
	for (i = 0; i < s.n; i++) {
		n->scts++;
		n->by[s.v[i].status]++;
		vec_case(c, 1, s.v[i].status == SCTS_VALID &&
		    s.v[i].timestamp == (uint64_t)json_integer_value(
		    json_object_get(json_array_get(want, i), "timestamp")),
		    cert.subject, s.v[i].reason);
	}
	for (p = 0; p < POLICY_PROGRAMS; p++) {
		policy_judge((enum policy_program)p, &s, cert.not_before,
		    cert.not_after, at, &v);
		n->compliant[p][v.compliant == -1 ? 2 : v.compliant]++;
	}
	cert_free(&cert);
out:
	scts_free(&s);
	buf_free(&leaf);
	for (i = 0; i < 4; i++)
		buf_free(&up[i]);
}

static void
sites(struct vec_count *all)
{
	json_t			*o = vec_json(
				    "sct/upki-revoked-sites/test-sites."
				    "part1.json"), *one, *d;
	struct vec_count	 c = { 0, 0, 0, 0 };
	struct sites		 n;
	int64_t			 at;
	size_t			 i;
	int			 p;

	memset(&n, 0, sizeof(n));
	if (o == NULL)
		vec_skip(&c, 183, "SCTs of real sites");
	at = json_integer_value(json_object_get(o, "timestamp")) * CLK_SEC;
	json_array_foreach(json_object_get(o, "sites"), i, one) {
		n.sites++;
		if ((d = json_object_get(one, "detail")) != NULL)
			site(d, at, &n, &c);
		else
			printf("  %s has no chain: %s\n", json_string_value(
			    json_object_get(one, "ca_label")),
			    json_string_value(json_object_get(one, "error")));
	}
	vec_suite(all, &c, "real SCTs of July 2026");
	printf("  %u sites, %u chains, %u SCTs: %u valid, %u bad signature, "
	    "%u unknown log, %u not counted, %u malformed\n", n.sites,
	    n.chains, n.scts, n.by[SCTS_VALID], n.by[SCTS_BAD_SIGNATURE],
	    n.by[SCTS_UNKNOWN_LOG], n.by[SCTS_NOT_COUNTED],
	    n.by[SCTS_MALFORMED]);
	for (p = 0; p < POLICY_PROGRAMS; p++)
		printf("  CT policy %s: %u compliant, %u not, %u cannot be "
		    "judged\n", policy_name((enum policy_program)p),
		    n.compliant[p][1], n.compliant[p][0], n.compliant[p][2]);
	json_decref(o);
}

/* --- a static log's entries: each is where its leaf_index says --- */

/* The tiles of the first 512 entries, and what is above them. */
struct nav {
	struct page	*page[2];
	struct buf	 tile[3];	/* level 0: 000 and 001; level 1 */
	uint8_t		 root[32];
};

static int
nav_read(struct nav *n)
{
	static const char *const	data[] = { NAV "tile/data/000",
	    NAV "tile/data/001", NAV "tile/0/000", NAV "tile/0/001" };
	struct buf			b = BUF_INIT;
	struct merkle_range		r;
	uint8_t				h[32];
	size_t				i, k;

	for (i = 0; i < 2; i++) {
		n->page[i] = page_new();
		if (vec_read(data[i], &b) == -1 || page_tile(n->page[i],
		    buf_bytes(&b), b.n > 1 && b.p[0] == 0x1f, 256,
		    NULL) == -1 || vec_read(data[2 + i], &n->tile[i]) == -1)
			break;
		merkle_start(&r, 0);
		for (k = 0; k < 256; k++)
			merkle_leaf(&r, n->tile[i].p + k * 32);
		(void)merkle_root(&r, h, NULL, 0);
		buf_add(&n->tile[2], h, 32);
	}
	buf_free(&b);
	if (i < 2)
		return -1;
	sha_node(n->root, n->tile[2].p, n->tile[2].p + 32);
	return 0;
}

/* Ask for the entry and answer out of the tiles: the state. */
static enum incl_state
nav_ask(const struct nav *n, const uint8_t leaf[32], int64_t index)
{
	struct incl	in;
	struct span	body[8];
	int		status[8];
	size_t		i;

	if (incl_start(&in, 1, "https://log.example/", leaf, index, 512,
	    n->root) == -1 || in.nask > 8)
		return INCL_REFUSED;
	for (i = 0; i < in.nask; i++) {
		status[i] = 200;
		body[i] = buf_bytes(&n->tile[in.tile[i].level == 1 ? 2 :
		    in.tile[i].index]);
	}
	incl_read(&in, status, body, in.nask);
	return in.state;
}

static void
navigli(struct vec_count *all)
{
	struct vec_count	c = { 0, 0, 0, 0 };
	struct nav		n;
	struct entry		en;
	uint8_t			leaf[32];
	size_t			i;

	memset(&n, 0, sizeof(n));
	if (nav_read(&n) == -1) {
		vec_skip(&c, 1024, NAV);
		goto out;
	}
	for (i = 0; i < 512; i++) {
		page_leaf_hash(n.page[i / 256], i % 256, leaf);
		if (page_at(n.page[i / 256], i % 256, &en, NULL) == -1)
			en.leaf_index = -1;
		vec_case(&c, 1, nav_ask(&n, leaf, en.leaf_index) ==
		    INCL_PROVED && en.leaf_index == (int64_t)i, NAV, "");
		leaf[i % 32] ^= 1;
		vec_case(&c, INCL_ABSENT, (int)nav_ask(&n, leaf, en.leaf_index),
		    NAV, "");
	}
out:
	vec_suite(all, &c, "entries of navigli2025h2");
	for (i = 0; i < 2; i++)
		page_free(n.page[i]);
	for (i = 0; i < 3; i++)
		buf_free(&n.tile[i]);
}

int
main(void)
{
	struct vec_count	all = { 0, 0, 0, 0 };

	if ((logs = loglists_all()) == NULL) {
		vec_skip(&all, 1, "no log list in the data of others");
		return vec_end(&all);
	}
	printf("%zu logs of all stored lists\n", logs->nlogs);
	google(&all);
	sct_rs(&all);
	openssl(&all);
	sites(&all);
	navigli(&all);
	loglist_free(logs);
	return vec_end(&all);
}
