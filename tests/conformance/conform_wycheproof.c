#include "tests/conformance/vectors.h"

#include <openssl/x509.h>

#include "ctlog/sig.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "pki/ecdsa.h"

/*
 * Project Wycheproof's signature vectors through our verify calls:
 * sig_verify(), which checks what logs sign, cert_verify(), which checks what
 * CAs sign, and ecdsa_verify(), which does so for keys that are used often.
 *
 * A vector that is "acceptable" is one that a strict reader may refuse and a
 * lenient one take.  Ours are strict: such a vector must be refused, or be
 * in deviations.md.
 */

#define DIR "jws/wycheproof/"

/* AlgorithmIdentifiers, as a certificate has them (RFC 5758, RFC 4055). */
#define ALG_ECDSA_256	"300a06082a8648ce3d040302"
#define ALG_ECDSA_384	"300a06082a8648ce3d040303"
#define ALG_RSA_256	"300d06092a864886f70d01010b0500"
#define ALG_ED25519	"300506032b6570"

static const struct suite {
	const char	*file;
	const char	*alg;
	uint8_t		 hash_alg, sig_alg;	/* 0: no key for a log */
} suites[] = {
	{ "ecdsa_secp256r1_sha256_test.json", ALG_ECDSA_256, SIG_SHA256,
	  SIG_ECDSA },
	{ "ecdsa_secp384r1_sha384_test.json", ALG_ECDSA_384, SIG_SHA384,
	  SIG_ECDSA },
	{ "rsa_signature_2048_sha256_test.json", ALG_RSA_256, SIG_SHA256,
	  SIG_RSA },
	{ "ed25519_test.json", ALG_ED25519, 0, 0 },
};

/* One vector, with its key. */
struct vector {
	struct span	 spki, sig, msg;
	int		 want;
	char		 name[96];
};

static void
try_log(const struct suite *s, const struct vector *v, struct vec_count *c)
{
	struct err	e = ERR_INIT;
	int		rc;

	rc = sig_verify(v->spki, s->hash_alg, s->sig_alg, v->sig, v->msg,
	    &e);
	vec_case(c, v->want, rc == 0, v->name, e.msg);
}

static void
try_cert(const struct suite *s, const struct vector *v, struct vec_count *c)
{
	struct buf	alg = BUF_INIT;
	struct err	e = ERR_INIT;

	if (enc_unhex(s->alg, strlen(s->alg), &alg) == -1)
		abort();
	vec_case(c, v->want, cert_verify(buf_bytes(&alg), v->sig, v->msg,
	    v->spki, &e) == 1, v->name, e.msg);
	buf_free(&alg);
}

/* As a key is checked that has signed some certificates before. */
static void
try_tables(const struct vector *v, struct vec_count *c)
{
	const uint8_t	*p = v->spki.p;
	EVP_PKEY	*key = d2i_PUBKEY(NULL, &p, (long)v->spki.n);
	struct ecdsa	*k = key == NULL ? NULL : ecdsa_new(key);
	uint8_t		 h[EVP_MAX_MD_SIZE];
	unsigned	 n;

	if (k == NULL || EVP_Digest(v->msg.p, v->msg.n, h, &n, EVP_sha384(),
	    NULL) != 1)
		vec_case(c, 1, 0, v->name, "no tables");
	else
		vec_case(c, v->want, ecdsa_verify(k, v->sig, h, n) == 1,
		    v->name, "by tables");
	ecdsa_free(k);
	EVP_PKEY_free(key);
}

/* All vectors of a file; acceptable ones are counted. */
static void
run(const struct suite *s, const json_t *o, struct vec_count c[3],
    unsigned *acceptable)
{
	struct buf	 spki = BUF_INIT, sig = BUF_INIT, msg = BUF_INIT;
	struct vector	 v;
	const char	*result;
	json_t		*g, *t;
	size_t		 i, j;

	json_array_foreach(json_object_get(o, "testGroups"), i, g) {
		if (vec_hex(g, "publicKeyDer", &spki) == -1)
			vec_skip(&c[0], 1, "a group without a key");
		json_array_foreach(json_object_get(g, "tests"), j, t) {
			(void)vec_hex(t, "sig", &sig);
			(void)vec_hex(t, "msg", &msg);
			result = json_string_value(json_object_get(t,
			    "result"));
			v.spki = buf_bytes(&spki);
			v.sig = buf_bytes(&sig);
			v.msg = buf_bytes(&msg);
			v.want = strcmp(result, "valid") == 0;
			*acceptable += strcmp(result, "acceptable") == 0;
			(void)snprintf(v.name, sizeof(v.name), "%s %lld",
			    s->file, (long long)json_integer_value(
			    json_object_get(t, "tcId")));
			if (s->sig_alg != 0)
				try_log(s, &v, &c[0]);
			try_cert(s, &v, &c[1]);
			if (s->hash_alg == SIG_SHA384)
				try_tables(&v, &c[2]);
		}
	}
	buf_free(&spki);
	buf_free(&sig);
	buf_free(&msg);
}

int
main(void)
{
	struct vec_count	all = { 0, 0, 0, 0 };
	char			name[128];
	json_t			*o;
	unsigned		acceptable;
	size_t			i;

	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		struct vec_count	c[3] = { { 0, 0, 0, 0 } };

		(void)snprintf(name, sizeof(name), DIR "%s", suites[i].file);
		if ((o = vec_json(name)) == NULL) {
			vec_skip(&all, 1, name);
			continue;
		}
		acceptable = 0;
		run(&suites[i], o, c, &acceptable);
		if (json_integer_value(json_object_get(o, "numberOfTests")) !=
		    c[1].passed + c[1].failed) {
			printf("%s: the number of tests is another\n", name);
			c[1].failed++;
		}
		(void)snprintf(name, sizeof(name), "Wycheproof %s, of logs",
		    suites[i].file);
		if (suites[i].sig_alg != 0)
			vec_suite(&all, &c[0], name);
		(void)snprintf(name, sizeof(name), "Wycheproof %s, of CAs",
		    suites[i].file);
		vec_suite(&all, &c[1], name);
		(void)snprintf(name, sizeof(name), "Wycheproof %s, by tables",
		    suites[i].file);
		if (suites[i].hash_alg == SIG_SHA384)
			vec_suite(&all, &c[2], name);
		if (acceptable != 0)
			printf("  %u of them are acceptable: to be "
			    "refused\n", acceptable);
		json_decref(o);
	}
	return vec_end(&all);
}
