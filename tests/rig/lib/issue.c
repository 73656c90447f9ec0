#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/mem.h"
#include "tests/rig/lib/authority.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/call.h"
#include "tests/rig/lib/der.h"
#include "tests/rig/lib/entry.h"
#include "tests/rig/lib/exts.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/issue.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/mint.h"
#include "tests/rig/lib/pub.h"
#include "tests/rig/lib/revdb.h"

#define OID_SAN "2.5.29.17"
#define OID_POISON "1.3.6.1.4.1.11129.2.4.3"
#define OID_FEATURE "1.3.6.1.5.5.7.1.24"	/* RFC 7633 */
#define OID_SCTS "1.3.6.1.4.1.11129.2.4.2"

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
	struct buf	 tls_scts;		/* those of add-chain */
};

void
issue_add(struct issue_list *l, const char *text)
{
	if (l->n < ISSUE_LIST)
		l->v[l->n++] = text;
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

/* A key whose private half nobody here has. */
static int
load_public(struct issuance *is, struct err *e)
{
	FILE *f = fopen(is->o->pubkey, "r");

	if (f == NULL)
		return err_set(e, ERR_SYS, "%s: cannot read", is->o->pubkey);
	is->key = PEM_read_PUBKEY(f, NULL, NULL, NULL);
	fclose(f);
	return is->key != NULL ? 0 : err_set(e, ERR_FORMAT,
	    "%s: no public key in PEM", is->o->pubkey);
}

static int
find_key(struct issuance *is, struct err *e)
{
	const struct issue_opts *o = is->o;
	char *path;
	int rc;

	if (o->csr != NULL)
		return load_csr(is, e);
	if (o->pubkey != NULL)
		return load_public(is, e);
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

static int
find_serial(struct issuance *is, struct err *e)
{
	X509 *x;

	if (is->o->same_serial == NULL)
		return 0;
	x = mint_load(is->o->same_serial, e);
	if (x == NULL)
		return -1;
	is->serial = mint_serial(x);
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
	struct exts_urls urls = { &o->crl, &o->ocsp, &o->aia, o->shards,
	    is->serial };
	static const uint8_t null[2] = { 5, 0 };
	static const uint8_t feature[5] = { 0x30, 3, 2, 1, 5 };
	X509 *x = mint_new(&m);
	struct buf list = BUF_INIT, v = BUF_INIT;

	if (like != NULL &&
	    (!X509_set1_notBefore(x, X509_get0_notBefore(like)) ||
	    !X509_set1_notAfter(x, X509_get0_notAfter(like))))
		abort();
	mint_ext(x, "basicConstraints", "critical,CA:FALSE");
	mint_ext(x, "keyUsage", "critical,digitalSignature");
	mint_ext(x, "extendedKeyUsage", "serverAuth");
	exts_pointers(x, &urls);
	if (o->must_staple)
		mint_raw(x, OID_FEATURE, 0, (struct span){ feature, 5 });
	if (is->san.n > 0)
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

/* Keep an SCT: for the certificate, or for TLS. */
static void
keep_sct(struct issuance *is, const struct buf *sct, int pre)
{
	struct buf *list = pre ? &is->scts : &is->tls_scts;

	buf_u16(list, (uint16_t)sct->n);
	buf_add(list, sct->p, sct->n);
	if (!pre)
		return;
	buf_str(&is->scts_json, is->scts_json.n == 0 ? "\"" : ",\"");
	b64_put(&is->scts_json, sct->p, sct->n);
	buf_str(&is->scts_json, "\"");
}

static int
submit(struct issuance *is, const struct buf *leaf, int pre, struct err *e)
{
	struct buf chain[4], text = BUF_INIT, sct = BUF_INIT;
	size_t i, n = chain_of(is, leaf, pre, chain);
	int rc = 0;

	for (i = 0; i < is->o->logs.n && rc == 0; i++) {
		buf_reset(&text);
		buf_reset(&sct);
		rc = issue_submit(is->o->logs.v[i], pre ? "add-pre-chain" :
		    "add-chain", chain, n, &text, e);
		if (rc == 0)
			rc = read_sct(&text, &sct, e);
		if (rc == 0 && pre && i == 0 && is->o->bad_sct)
			spoil(&sct);
		if (rc == 0)
			keep_sct(is, &sct, pre);
	}
	for (i = 0; i < 4; i++)
		buf_free(&chain[i]);
	buf_free(&text);
	buf_free(&sct);
	return rc;
}

/* Let each log promise and not keep it (its lie "withhold"). */
static int
withhold(const struct issuance *is, struct err *e)
{
	struct buf out = BUF_INIT;
	const char *url, *name;
	char *root, *path;
	size_t i;
	int rc = 0;

	for (i = 0; i < is->o->logs.n && rc == 0; i++) {
		url = is->o->logs.v[i];
		name = strlen(url) > 7 ? strchr(url + 7, '/') : NULL;
		if (name == NULL)
			return err_set(e, ERR_USAGE, "%s: names no log", url);
		root = mem_dup(url, (size_t)(name - url));
		path = mem_printf("/_rig%s/lie?lie=withhold&times=%d", name,
		    is->o->final_submit ? 2 : 1);
		rc = call_post(root, path, SPAN_STR("{}"), &out, e);
		free(root);
		free(path);
	}
	buf_free(&out);
	return rc;
}

/* A good SCT of a log that no list has. */
static int
unknown_sct(struct issuance *is, struct err *e)
{
	struct der_change ch = { der_poison, sizeof(der_poison), { NULL, 0 },
	    { NULL, 0 } };
	struct leaf l = { (uint64_t)time(NULL) * 1000, 1, { 0 }, { NULL, 0 },
	    -1 };
	struct buf tbs = BUF_INIT, leaf = BUF_INIT, sct = BUF_INIT;
	EVP_PKEY *log = key_make("p256", e);
	uint8_t id[32];

	if (log == NULL || der_tbs(buf_bytes(&is->precert), &ch, &tbs) == -1) {
		EVP_PKEY_free(log);
		return err_set(e, ERR_FORMAT, "the precertificate cannot be "
		    "read back");
	}
	key_id(log, id);
	key_id(is->ca.inter_key, l.key_hash);
	l.cert = buf_bytes(&tbs);
	entry_leaf(&l, &leaf);
	buf_u8(&sct, 0);
	buf_add(&sct, id, sizeof(id));
	buf_u64(&sct, l.timestamp);
	buf_u16(&sct, 0);
	key_digitally_sign(log, buf_bytes(&leaf), &sct);
	keep_sct(is, &sct, 1);
	EVP_PKEY_free(log);
	buf_free(&tbs);
	buf_free(&leaf);
	buf_free(&sct);
	return 0;
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

/* The SignedCertificateTimestampList that a server is to send. */
static int
save_tls(const struct issuance *is, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	if (is->o->tls_scts == NULL)
		return 0;
	buf_u16(&b, (uint16_t)is->tls_scts.n);
	buf_add(&b, is->tls_scts.p, is->tls_scts.n);
	rc = file_write(is->o->tls_scts, buf_bytes(&b), e);
	buf_free(&b);
	return rc;
}

static int
save_all(const struct issuance *is, struct err *e)
{
	char *path = mem_printf("%s.precert.der", is->o->out);
	int rc = file_write(path, buf_bytes(&is->precert), e);

	free(path);
	if (rc == -1 || save_tls(is, e) == -1 || save(is, ".chain.pem", 0, 1, e) == -1)
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

char *
issue_serial(void)
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

int
issue_record(const char *dir, const char *issuer, const char *serial,
    struct err *e)
{
	char *path = pub_list(dir, issuer, "issued.txt");
	char *line = mem_printf("%s\n", serial);
	int rc = revdb_issued(path, line, e);

	free(path);
	free(line);
	return rc;
}

/* The precertificate, to the logs. */
static int
promise(struct issuance *is, struct err *e)
{
	const struct issue_opts *o = is->o;

	build(is, NULL, o->presigner ? is->ca.pre : is->ca.inter,
	    o->presigner ? is->ca.pre_key : is->ca.inter_key, &is->precert);
	/* its responder knows a serial as soon as it is signed */
	if (issue_record(o->dir, "int", is->serial, e) == -1 ||
	    (o->sct_only && withhold(is, e) == -1))
		return -1;
	if (!o->no_precert && submit(is, &is->precert, 1, e) == -1)
		return -1;
	if (o->bad_sct && is->scts.n == 0)
		return err_set(e, ERR_USAGE, "--bad-sct needs --submit");
	return o->unknown_sct ? unknown_sct(is, e) : 0;
}

static int
sign_both(struct issuance *is, struct err *e)
{
	const struct issue_opts *o = is->o;
	const uint8_t *p;
	X509 *pre;
	int rc = 0;

	if (promise(is, e) == -1)
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
	if (authority_open(&is.ca, o->dir, e) == -1 ||
	    find_key(&is, e) == -1 ||
	    exts_san(o, is.csr, &is.san, e) == -1 ||
	    find_serial(&is, e) == -1)
		goto out;
	if (is.serial == NULL)
		is.serial = issue_serial();
	is.cn = mem_str(o->cn);
	if (sign_both(&is, e) == -1 || save_all(&is, e) == -1)
		goto out;
	summary(&is);
	rc = 0;
out:
	authority_free(&is.ca);
	EVP_PKEY_free(is.key);
	X509_REQ_free(is.csr);
	free(is.serial);
	free(is.cn);
	buf_free(&is.san);
	buf_free(&is.precert);
	buf_free(&is.final);
	buf_free(&is.scts);
	buf_free(&is.scts_json);
	buf_free(&is.tls_scts);
	return rc;
}
