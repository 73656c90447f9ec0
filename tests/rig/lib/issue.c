#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/call.h"
#include "tests/rig/lib/der.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/issue.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/mint.h"

#define OID_SAN "2.5.29.17"
#define OID_POISON "1.3.6.1.4.1.11129.2.4.3"
#define OID_SCTS "1.3.6.1.4.1.11129.2.4.2"

/* A CA of three certificates and the keys of two. */
struct authority {
	X509		*root, *inter, *pre;
	EVP_PKEY	*inter_key, *pre_key;
};

/* One issuance on its way. */
struct issuance {
	const struct issue_opts *o;
	struct authority ca;
	EVP_PKEY	*key;
	X509_REQ	*csr;
	char		*serial;		/* hex, or NULL */
	char		*cn;
	struct buf	 san;
	struct buf	 precert;
	struct buf	 final;
	struct buf	 scts;			/* SCT list, its vectors */
	struct buf	 scts_json;
};

static X509 *
load_cert(const char *dir, const char *name, struct err *e)
{
	char *path = mem_printf("%s/%s.pem", dir, name);
	X509 *x = mint_load(path, e);

	free(path);
	return x;
}

static EVP_PKEY *
load_key(const char *dir, const char *name, struct err *e)
{
	char *path = mem_printf("%s/%s.key", dir, name);
	EVP_PKEY *k = key_load(path, e);

	free(path);
	return k;
}

static int
open_authority(struct authority *ca, const char *dir, struct err *e)
{
	ca->root = load_cert(dir, "root", e);
	ca->inter = load_cert(dir, "int", e);
	ca->pre = load_cert(dir, "pre", e);
	ca->inter_key = load_key(dir, "int", e);
	ca->pre_key = load_key(dir, "pre", e);
	return ca->root == NULL || ca->inter == NULL || ca->pre == NULL ||
	    ca->inter_key == NULL || ca->pre_key == NULL ? -1 : 0;
}

static int
load_csr(struct issuance *is, struct err *e)
{
	FILE *f = fopen(is->o->csr, "r");

	if (f == NULL)
		return err_set(e, ERR_SYS, "%s: cannot read", is->o->csr);
	is->csr = PEM_read_X509_REQ(f, NULL, NULL, NULL);
	fclose(f);
	if (is->csr == NULL || (is->key = X509_REQ_get_pubkey(is->csr)) ==
	    NULL)
		return err_set(e, ERR_FORMAT, "%s: no request in PEM",
		    is->o->csr);
	return 0;
}

static int
find_key(struct issuance *is, struct err *e)
{
	const struct issue_opts *o = is->o;
	char *path;
	int rc;

	if (o->csr != NULL)
		return load_csr(is, e);
	if (o->key != NULL)
		is->key = key_load(o->key, e);
	else
		is->key = key_make(o->key_type, e);
	if (is->key == NULL)
		return -1;
	path = mem_printf("%s.key", o->out);
	rc = key_save(is->key, path, e);
	free(path);
	return rc;
}

/* The names of a request, when none were given by hand. */
static int
csr_san(struct issuance *is)
{
	STACK_OF(X509_EXTENSION) *exts;
	ASN1_OCTET_STRING *v;
	int i;

	if (is->csr == NULL)
		return -1;
	exts = X509_REQ_get_extensions(is->csr);
	i = X509v3_get_ext_by_NID(exts, NID_subject_alt_name, -1);
	if (i >= 0) {
		v = X509_EXTENSION_get_data(X509v3_get_ext(exts, i));
		buf_add(&is->san, ASN1_STRING_get0_data(v),
		    (size_t)ASN1_STRING_length(v));
	}
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	return i >= 0 ? 0 : -1;
}

static int
make_san(struct issuance *is, struct err *e)
{
	const struct issue_opts *o = is->o;
	struct buf names = BUF_INIT, raw = BUF_INIT;
	uint8_t ip[16];
	size_t i;
	int rc = 0;

	if (o->nnames + o->nips + o->nraw == 0) {
		if (csr_san(is) == -1)
			return err_set(e, ERR_USAGE, "issue: needs --name");
		return 0;
	}
	for (i = 0; i < o->nnames; i++)
		der_put(&names, 0x82, o->names[i], strlen(o->names[i]));
	for (i = 0; i < o->nraw && rc == 0; i++) {
		buf_reset(&raw);
		if (b64_unhex(&raw, o->raw[i]) == -1)
			rc = err_set(e, ERR_USAGE, "--raw-san %s: no hex",
			    o->raw[i]);
		der_wrap(&names, 0x82, &raw);
	}
	for (i = 0; i < o->nips && rc == 0; i++)
		if (inet_pton(AF_INET, o->ips[i], ip) == 1)
			der_put(&names, 0x87, ip, 4);
		else if (inet_pton(AF_INET6, o->ips[i], ip) == 1)
			der_put(&names, 0x87, ip, 16);
		else
			rc = err_set(e, ERR_USAGE, "--ip %s: no address",
			    o->ips[i]);
	der_wrap(&is->san, DER_SEQ, &names);
	if (o->malformed)		/* the length says less than there is */
		is->san.p[1] ^= 1;
	buf_free(&names);
	buf_free(&raw);
	return rc;
}

static int
find_serial(struct issuance *is, struct err *e)
{
	BIGNUM *n;
	char *hex;
	X509 *x;

	if (is->o->same_serial == NULL)
		return 0;
	x = mint_load(is->o->same_serial, e);
	if (x == NULL)
		return -1;
	n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	hex = n == NULL ? NULL : BN_bn2hex(n);
	is->serial = mem_str(hex);
	OPENSSL_free(hex);
	BN_free(n);
	X509_free(x);
	return 0;
}

/* Break the last byte of the signature, and with it the signature. */
static void
spoil(struct buf *der)
{
	der->p[der->n - 1] ^= 1;
}

/*
 * The certificate with poison, or with the SCT list where that stood.  Dates
 * are those of ${like}, when there is one.
 */
static void
build(struct issuance *is, X509 *like, X509 *issuer, EVP_PKEY *signer,
    struct buf *out)
{
	const struct issue_opts *o = is->o;
	struct mint m = { is->cn, NULL, NULL, issuer, signer, is->key,
	    o->days, o->age, is->serial };
	static const uint8_t null[2] = { 5, 0 };
	X509 *x = mint_new(&m);
	struct buf list = BUF_INIT, v = BUF_INIT;
	char *text;

	if (like != NULL &&
	    (!X509_set1_notBefore(x, X509_get0_notBefore(like)) ||
	    !X509_set1_notAfter(x, X509_get0_notAfter(like))))
		abort();
	mint_ext(x, "basicConstraints", "critical,CA:FALSE");
	mint_ext(x, "keyUsage", "critical,digitalSignature");
	mint_ext(x, "extendedKeyUsage", "serverAuth");
	if (o->crl != NULL) {
		text = mem_printf("URI:%s", o->crl);
		mint_ext(x, "crlDistributionPoints", text);
		free(text);
	}
	if (o->ocsp != NULL) {
		text = mem_printf("OCSP;URI:%s", o->ocsp);
		mint_ext(x, "authorityInfoAccess", text);
		free(text);
	}
	mint_raw(x, OID_SAN, is->cn == NULL, buf_bytes(&is->san));
	if (like == NULL)
		mint_raw(x, OID_POISON, 1, (struct span){ null, 2 });
	else if (is->scts.n > 0) {
		buf_u16(&list, (uint16_t)is->scts.n);
		buf_add(&list, is->scts.p, is->scts.n);
		der_wrap(&v, DER_OCTETS, &list);
		mint_raw(x, OID_SCTS, 0, buf_bytes(&v));
	}
	mint_sign(x, signer);
	mint_der(x, out);
	if (o->bad_signature)
		spoil(out);
	buf_free(&list);
	buf_free(&v);
	X509_free(x);
}

int
issue_submit(const char *url, const char *what, const struct buf *chain,
    size_t n, struct buf *out, struct err *e)
{
	struct buf body = BUF_INIT;
	char *path = mem_printf("/ct/v1/%s", what);
	size_t i;
	int rc;

	buf_str(&body, "{\"chain\":[");
	for (i = 0; i < n; i++) {
		buf_str(&body, i == 0 ? "\"" : ",\"");
		b64_put(&body, chain[i].p, chain[i].n);
		buf_str(&body, "\"");
	}
	buf_str(&body, "]}");
	rc = call_post(url, path, buf_bytes(&body), out, e);
	buf_free(&body);
	free(path);
	return rc;
}

/* An SCT of the JSON form, as it stands in the list (RFC 6962, 3.3). */
static int
read_sct(const struct buf *text, struct buf *sct, struct err *e)
{
	json_t *js = json_loadb(buf_text(text), text->n, 0, NULL);
	const char *id, *ext, *sig;
	struct buf x = BUF_INIT;
	json_int_t ts;
	int rc = -1;

	if (json_unpack(js, "{s:s, s:I, s:s, s:s}", "id", &id, "timestamp",
	    &ts, "extensions", &ext, "signature", &sig) == -1 ||
	    b64_get(&x, ext) == -1) {
		err_set(e, ERR_FORMAT, "the log's answer is no SCT: %.100s",
		    buf_text(text));
		goto out;
	}
	buf_u8(sct, 0);
	if (b64_get(sct, id) == -1)
		goto out;
	buf_u64(sct, (uint64_t)ts);
	buf_u16(sct, (uint16_t)x.n);
	buf_add(sct, x.p, x.n);
	rc = b64_get(sct, sig);
out:
	buf_free(&x);
	json_decref(js);
	return rc;
}

/* The chain behind ${leaf}: precertificate signer (or not), CA, root. */
static size_t
chain_of(const struct issuance *is, const struct buf *leaf, int pre,
    struct buf *chain)
{
	size_t n = 0;

	memset(chain, 0, 4 * sizeof(*chain));
	buf_add(&chain[n++], leaf->p, leaf->n);
	if (pre && is->o->presigner)
		mint_der(is->ca.pre, &chain[n++]);
	mint_der(is->ca.inter, &chain[n++]);
	mint_der(is->ca.root, &chain[n++]);
	return n;
}

static int
submit(struct issuance *is, const struct buf *leaf, int pre, struct err *e)
{
	struct buf chain[4], text = BUF_INIT, sct = BUF_INIT;
	size_t i, n = chain_of(is, leaf, pre, chain);
	int rc = 0;

	for (i = 0; i < is->o->nlogs && rc == 0; i++) {
		buf_reset(&text);
		buf_reset(&sct);
		rc = issue_submit(is->o->logs[i], pre ? "add-pre-chain" :
		    "add-chain", chain, n, &text, e);
		if (rc == -1 || read_sct(&text, &sct, e) == -1) {
			rc = -1;
			break;
		}
		if (!pre)
			continue;
		buf_u16(&is->scts, (uint16_t)sct.n);
		buf_add(&is->scts, sct.p, sct.n);
		buf_str(&is->scts_json, is->scts_json.n == 0 ? "\"" : ",\"");
		b64_put(&is->scts_json, sct.p, sct.n);
		buf_str(&is->scts_json, "\"");
	}
	for (i = 0; i < 4; i++)
		buf_free(&chain[i]);
	buf_free(&text);
	buf_free(&sct);
	return rc;
}

/* Write one file below the output prefix; DER is wrapped in PEM. */
static int
save(const struct issuance *is, const char *suffix, int leaf, int chain,
    struct err *e)
{
	char *path = mem_printf("%s%s", is->o->out, suffix);
	struct buf pem = BUF_INIT;
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;
	int rc;

	if (bio == NULL)
		abort();
	/* not through X509: what cannot be parsed is kept, too */
	if (leaf)
		(void)PEM_write_bio(bio, "CERTIFICATE", "", is->final.p,
		    (long)is->final.n);
	if (chain)
		(void)PEM_write_bio_X509(bio, is->ca.inter);
	n = BIO_get_mem_data(bio, &text);
	buf_add(&pem, text, (size_t)n);
	rc = file_write(path, buf_bytes(&pem), e);
	BIO_free(bio);
	buf_free(&pem);
	free(path);
	return rc;
}

static int
save_all(const struct issuance *is, struct err *e)
{
	char *path = mem_printf("%s.precert.der", is->o->out);
	int rc = file_write(path, buf_bytes(&is->precert), e);

	free(path);
	if (rc == -1 || save(is, ".chain.pem", 0, 1, e) == -1)
		return -1;
	if (is->final.n == 0)
		return 0;
	return save(is, ".pem", 1, 0, e) == -1 ||
	    save(is, ".fullchain.pem", 1, 1, e) == -1 ? -1 : 0;
}

static void
print_hash(const char *name, const struct buf *b)
{
	struct buf hex = BUF_INIT;
	uint8_t h[32];

	if (b->n == 0)
		return;
	SHA256(b->p, b->n, h);
	b64_hex(&hex, h, 32);
	printf("\"%s\":\"%s\",", name, buf_text(&hex));
	buf_free(&hex);
}

static void
summary(const struct issuance *is)
{
	struct der_change ch = { der_poison, sizeof(der_poison), { NULL, 0 },
	    { NULL, 0 } };
	struct buf tbs = BUF_INIT, spki = BUF_INIT, ispki = BUF_INIT;

	if (is->final.n > 0)
		ch.drop = der_scts;
	/* without a final certificate only a direct precertificate tells */
	if (is->final.n > 0 || !is->o->presigner)
		(void)der_tbs(buf_bytes(is->final.n > 0 ? &is->final :
		    &is->precert), &ch, &tbs);
	key_spki(is->key, &spki);
	key_spki(is->ca.inter_key, &ispki);
	printf("{\"serial\":\"%s\",", is->serial);
	print_hash("cert_sha256", &is->final);
	print_hash("precert_sha256", &is->precert);
	print_hash("tbs_sha256", &tbs);
	print_hash("spki_sha256", &spki);
	print_hash("issuer_spki_sha256", &ispki);
	printf("\"scts\":[%s]}\n", buf_text(&is->scts_json));
	buf_free(&tbs);
	buf_free(&spki);
	buf_free(&ispki);
}

static char *
random_serial(void)
{
	struct buf hex = BUF_INIT;
	uint8_t r[16];
	char *s;

	if (RAND_bytes(r, sizeof(r)) != 1)
		abort();
	r[0] = (r[0] & 0x3f) | 0x40;
	b64_hex(&hex, r, sizeof(r));
	s = mem_str(buf_text(&hex));
	buf_free(&hex);
	return s;
}

static int
sign_both(struct issuance *is, struct err *e)
{
	const struct issue_opts *o = is->o;
	const uint8_t *p;
	X509 *pre;
	int rc = 0;

	build(is, NULL, o->presigner ? is->ca.pre : is->ca.inter,
	    o->presigner ? is->ca.pre_key : is->ca.inter_key, &is->precert);
	if (submit(is, &is->precert, 1, e) == -1)
		return -1;
	if (o->precert_only)
		return 0;
	p = is->precert.p;
	pre = d2i_X509(NULL, &p, (long)is->precert.n);
	if (pre == NULL)
		return err_set(e, ERR_FORMAT, "the precertificate cannot be "
		    "read back");
	build(is, pre, is->ca.inter, is->ca.inter_key, &is->final);
	X509_free(pre);
	if (o->final_submit)
		rc = submit(is, &is->final, 0, e);
	return rc;
}

int
issue_run(const struct issue_opts *o, struct err *e)
{
	struct issuance is;
	int rc = -1;

	memset(&is, 0, sizeof(is));
	is.o = o;
	if (open_authority(&is.ca, o->dir, e) == -1 ||
	    find_key(&is, e) == -1 || make_san(&is, e) == -1 ||
	    find_serial(&is, e) == -1)
		goto out;
	if (is.serial == NULL)
		is.serial = random_serial();
	is.cn = mem_str(o->cn);
	if (sign_both(&is, e) == -1 || save_all(&is, e) == -1)
		goto out;
	summary(&is);
	rc = 0;
out:
	X509_free(is.ca.root);
	X509_free(is.ca.inter);
	X509_free(is.ca.pre);
	EVP_PKEY_free(is.ca.inter_key);
	EVP_PKEY_free(is.ca.pre_key);
	EVP_PKEY_free(is.key);
	X509_REQ_free(is.csr);
	free(is.serial);
	free(is.cn);
	buf_free(&is.san);
	buf_free(&is.precert);
	buf_free(&is.final);
	buf_free(&is.scts);
	buf_free(&is.scts_json);
	return rc;
}
