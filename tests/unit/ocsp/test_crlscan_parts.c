/* CRLs of which only parts were kept. */
#include "tests/unit/ocsp/made_crl.h"

#include "ocsp/crlscan_parts.h"
#include "ocsp/crlset.h"

#define S1	"\x12\x34"
#define S2	"\x00\x99\x01"

struct kept {
	EVP_PKEY		*key;
	struct buf		 ca, crl, image;
	struct crlset		 set;
	struct crlscan_out	 out;
	struct crlscan_parts	 parts;
};

static void
set_make(struct kept *k)
{
	struct crlset_build	*b = crlset_new();

	assert_int_equal(crlset_add(b, "1234", NULL), 0);
	assert_int_equal(crlset_add(b, "990101", NULL), 1);
	crlset_done(b, &k->image);
	assert_int_equal(crlset_open(&k->set, k->image.p, k->image.n, NULL),
	    0);
}

/* Scan what ${m} describes, and take the parts. */
static void
keep(struct kept *k, struct made *m, const char *usage)
{
	struct crlscan_in	in;

	made_ca("Made CA", k->key, usage, &k->ca);
	made_crl(m, &k->crl);
	set_make(k);
	memset(&in, 0, sizeof(in));
	in.issuer = buf_bytes(&k->ca);
	in.set = &k->set;
	in.now = MADE_NOW;
	in.last_this = INT64_MIN;
	crlscan_bytes(&in, buf_bytes(&k->crl), &k->out);
	k->parts.issuer = buf_bytes(&k->ca);
	k->parts.header = buf_bytes(&k->out.header);
	k->parts.tail = buf_bytes(&k->out.tail);
	k->parts.digest = (struct span){ k->out.tbs_digest,
	    k->out.ntbs_digest };
}

static void
drop(struct kept *k)
{
	crlscan_out_free(&k->out);
	buf_free(&k->ca);
	buf_free(&k->crl);
	buf_free(&k->image);
	EVP_PKEY_free(k->key);
}

static void
begin(struct kept *k, struct made *m)
{
	static const char *const	uris[] = { "http://ca.example/1.crl",
	    NULL };

	memset(k, 0, sizeof(*k));
	k->key = EVP_EC_gen("P-256");
	made_new(m, k->key);
	made_revoked(&m->entries, MADE_S(S2), "260601000000Z", -1);
	made_revoked(&m->entries, MADE_S(S1), "260602030405Z", 1);
	made_idp(&m->exts, uris, MADE_NONE);
}

/* What the parts say is what the scan said. */
static void
same(const struct kept *k)
{
	struct crlscan_out	out;

	crlscan_parts(&k->parts, &out);
	if (out.fault != CRL_OK)
		print_message("%s\n", out.why);
	assert_int_equal(k->out.authentic, 1);
	assert_int_equal(out.fault, k->out.fault);
	assert_int_equal(out.authentic, 1);
	assert_string_equal(out.number, k->out.number);
	assert_string_equal(out.sigalg, k->out.sigalg);
	assert_string_equal(out.idp, k->out.idp);
	assert_int_equal(out.this_update, k->out.this_update);
	assert_int_equal(out.next_update, k->out.next_update);
	crlscan_out_free(&out);
}

static void
test_same(void **state)
{
	struct kept		k;
	struct made		m;
	struct crlscan_hit	hit;

	(void)state;
	begin(&k, &m);
	keep(&k, &m, NULL);
	same(&k);
	assert_string_equal(k.out.idp, "http://ca.example/1.crl");
	assert_int_equal(k.out.nhits, 1);
	assert_int_equal(crlscan_parts_entry(k.out.hits[0].raw, &k.set, &hit),
	    0);
	assert_int_equal(hit.number, 0);
	assert_int_equal(hit.reason, 1);
	assert_int_equal(hit.at, k.out.hits[0].at);
	made_free(&m);
	drop(&k);
}

/* Every algorithm that has a digest, and lists without entries. */
static void
test_algorithms(void **state)
{
	static const struct {
		const char	*curve;		/* NULL: RSA */
		const char	*alg;
		size_t		 n;
		const EVP_MD	*(*md)(void);
		int		 pss;
	} t[] = {
		{ "P-256", MADE_ES256, sizeof(MADE_ES256) - 1, EVP_sha256,
		    0 },
		{ "P-384", MADE_ES384, sizeof(MADE_ES384) - 1, EVP_sha384,
		    0 },
		{ "P-521", MADE_ES512, sizeof(MADE_ES512) - 1, EVP_sha512,
		    0 },
		{ NULL, MADE_RS("\x0b") "\x00", sizeof(MADE_RS("\x0b")),
		    EVP_sha256, 0 },
		{ NULL, MADE_RS("\x0c") "\x00", sizeof(MADE_RS("\x0c")),
		    EVP_sha384, 0 },
		{ NULL, MADE_PSS, sizeof(MADE_PSS) - 1, EVP_sha256, 1 },
	};
	struct kept	k;
	struct made	m;
	size_t		i;
	int		list;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]) * 2; i++) {
		list = i % 2 == 0;
		begin(&k, &m);
		EVP_PKEY_free(k.key);
		k.key = t[i / 2].curve != NULL ? EVP_EC_gen(t[i / 2].curve) :
		    EVP_RSA_gen(2048);
		m.key = k.key;
		m.md = t[i / 2].md();
		m.pss = t[i / 2].pss;
		m.alg = m.outer = (struct span){
		    (const uint8_t *)t[i / 2].alg, t[i / 2].n };
		if (!list)
			buf_reset(&m.entries);
		keep(&k, &m, "critical,cRLSign");
		same(&k);
		made_free(&m);
		drop(&k);
	}
}

/* Faults that a scan names, the parts name too. */
static void
test_faults(void **state)
{
	struct kept		k, other;
	struct made		m;
	struct crlscan_out	out;

	(void)state;
	/* another key, which did not sign it */
	begin(&k, &m);
	keep(&k, &m, NULL);
	memset(&other, 0, sizeof(other));
	other.key = EVP_EC_gen("P-256");
	made_ca("Made CA", other.key, NULL, &other.ca);
	k.parts.issuer = buf_bytes(&other.ca);
	crlscan_parts(&k.parts, &out);
	assert_int_equal(out.fault, CRL_BAD_SIGNATURE);
	assert_int_equal(out.authentic, 0);
	crlscan_out_free(&out);
	/* the right key under another name */
	made_ca("Other CA", k.key, NULL, &other.ca);
	k.parts.issuer = buf_bytes(&other.ca);
	crlscan_parts(&k.parts, &out);
	assert_int_equal(out.fault, CRL_WRONG_ISSUER);
	assert_int_equal(out.authentic, 0);
	crlscan_out_free(&out);
	/* a key that must not sign CRLs */
	made_ca("Made CA", k.key, "critical,keyCertSign", &other.ca);
	k.parts.issuer = buf_bytes(&other.ca);
	crlscan_parts(&k.parts, &out);
	assert_int_equal(out.fault, CRL_WRONG_ISSUER);
	crlscan_out_free(&out);
	made_free(&m);
	drop(&k);
	drop(&other);
	/* a delta CRL is signed, and says so */
	begin(&k, &m);
	made_ext(&m.exts, 27, 1, "\x02\x01\x01", 3);
	keep(&k, &m, NULL);
	crlscan_parts(&k.parts, &out);
	assert_int_equal(k.out.fault, CRL_DELTA);
	assert_int_equal(out.fault, CRL_DELTA);
	assert_int_equal(out.authentic, k.out.authentic);
	crlscan_out_free(&out);
	made_free(&m);
	drop(&k);
}

/* A digest of another length, or with one bit changed, was not signed. */
static void
test_digest(void **state)
{
	struct kept		k;
	struct made		m;
	struct crlscan_out	out;
	uint8_t			d[65] = { 0 };
	size_t			i;

	(void)state;
	begin(&k, &m);
	keep(&k, &m, NULL);
	memcpy(d, k.out.tbs_digest, 32);
	for (i = 0; i < 256; i++) {
		d[i / 8] ^= (uint8_t)(1 << i % 8);
		k.parts.digest = (struct span){ d, 32 };
		crlscan_parts(&k.parts, &out);
		assert_int_equal(out.fault, CRL_BAD_SIGNATURE);
		crlscan_out_free(&out);
		d[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (i = 0; i < 65; i++) {
		if (i == 32)
			continue;
		k.parts.digest = (struct span){ d, i };
		crlscan_parts(&k.parts, &out);
		assert_int_equal(out.authentic, 0);
		crlscan_out_free(&out);
	}
	made_free(&m);
	drop(&k);
}

/* Parts cut short or longer do not fit; every bit changed harms nobody. */
static void
test_hostile(void **state)
{
	struct kept		k;
	struct made		m;
	struct crlscan_out	out;
	struct buf		h = BUF_INIT, t = BUF_INIT;
	struct span		whole;
	size_t			i, passed = 0;
	int			tail;

	(void)state;
	begin(&k, &m);
	keep(&k, &m, NULL);
	for (tail = 0; tail < 2; tail++) {
		whole = tail ? k.parts.tail : k.parts.header;
		for (i = 0; i < whole.n; i++) {
			*(tail ? &k.parts.tail : &k.parts.header) =
			    (struct span){ whole.p, i };
			crlscan_parts(&k.parts, &out);
			assert_int_equal(out.authentic, 0);
			crlscan_out_free(&out);
		}
		*(tail ? &k.parts.tail : &k.parts.header) = whole;
	}
	buf_span(&h, k.parts.header);
	buf_span(&t, k.parts.tail);
	for (i = 0; i < (h.n + t.n) * 8; i++) {
		uint8_t	*p = i / 8 < h.n ? &h.p[i / 8] :
		    &t.p[i / 8 - h.n];

		*p ^= (uint8_t)(1 << i % 8);
		k.parts.header = buf_bytes(&h);
		k.parts.tail = buf_bytes(&t);
		crlscan_parts(&k.parts, &out);
		passed += out.authentic != 0;
		crlscan_out_free(&out);
		*p ^= (uint8_t)(1 << i % 8);
	}
	print_message("%zu bits changed, %zu not noticed by the parts alone\n",
	    i, passed);
	buf_add(&t, "x", 1);
	k.parts.tail = buf_bytes(&t);
	crlscan_parts(&k.parts, &out);
	assert_int_equal(out.fault, CRL_MALFORMED);
	crlscan_out_free(&out);
	buf_free(&h);
	buf_free(&t);
	made_free(&m);
	drop(&k);
}

static void
test_entries(void **state)
{
	struct kept		k;
	struct made		m;
	struct crlscan_hit	hit;
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	begin(&k, &m);
	keep(&k, &m, NULL);
	made_revoked(&b, MADE_S(S1), "260602030405Z", 4);
	assert_int_equal(crlscan_parts_entry(buf_bytes(&b), &k.set, &hit), 0);
	assert_int_equal(hit.reason, 4);
	for (i = 0; i < b.n; i++)
		assert_int_equal(crlscan_parts_entry((struct span){ b.p, i },
		    &k.set, &hit), -1);
	buf_u8(&b, 0);
	assert_int_equal(crlscan_parts_entry(buf_bytes(&b), &k.set, &hit),
	    -1);
	/* a serial that nobody asked for */
	buf_reset(&b);
	made_revoked(&b, MADE_S(S2), "260602030405Z", -1);
	assert_int_equal(crlscan_parts_entry(buf_bytes(&b), &k.set, &hit),
	    -1);
	/* of another issuer (5.3.3) */
	buf_reset(&b);
	made_ext(&m.more, 29, 1, "\x30\x00", 2);
	made_entry(&b, MADE_S(S1), "260602030405Z", buf_bytes(&m.more));
	assert_int_equal(crlscan_parts_entry(buf_bytes(&b), &k.set, &hit),
	    -1);
	buf_free(&b);
	made_free(&m);
	drop(&k);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
