#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/der.h"
#include "tests/rig/lib/issuers.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/submit.h"

enum { CHAIN_MAX = 10 };

static X509 *
read_cert(const struct buf *der)
{
	const uint8_t *p = der->p;

	return d2i_X509(NULL, &p, (long)der->n);
}

/* Is this a precertificate signing certificate (RFC 6962, 3.1)? */
static int
is_presigner(X509 *x)
{
	EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(x, NID_ext_key_usage, NULL,
	    NULL);
	char text[64];
	int i, found = 0;

	for (i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
		(void)OBJ_obj2txt(text, sizeof(text),
		    sk_ASN1_OBJECT_value(eku, i), 1);
		if (strcmp(text, "1.3.6.1.4.1.11129.2.4.4") == 0)
			found = 1;
	}
	EXTENDED_KEY_USAGE_free(eku);
	return found;
}

/*
 * The TBSCertificate to be logged and the hash of the key of who will sign
 * the final certificate (3.2).
 */
static int
precert(const struct buf *chain, size_t n, struct buf *tbs,
    uint8_t *key_hash, struct err *e)
{
	static const uint8_t aki[3] = { 0x55, 0x1d, 0x23 };
	struct der_change ch = { der_poison, sizeof(der_poison), { NULL, 0 },
	    { NULL, 0 } };
	struct span span = buf_bytes(&chain[0]), value;
	X509 *signer = NULL, *final = NULL;
	uint8_t *name = NULL;
	int rc = -1, len;
	EVP_PKEY *k;

	if (der_extension(span, der_poison, sizeof(der_poison),
	    &value) == -1)
		return err_set(e, ERR_FORMAT, "add-pre-chain: chain[0] has no "
		    "poison extension (RFC 6962, 3.1)");
	signer = n > 1 ? read_cert(&chain[1]) : NULL;
	if (signer == NULL)
		return err_set(e, ERR_FORMAT, "add-pre-chain: chain[1] must "
		    "be the issuer's certificate");
	if (is_presigner(signer)) {
		final = n > 2 ? read_cert(&chain[2]) : NULL;
		if (final == NULL) {
			err_set(e, ERR_FORMAT, "add-pre-chain: chain[2] must "
			    "be the final issuer's certificate");
			goto out;
		}
		len = i2d_X509_NAME(X509_get_issuer_name(signer), &name);
		ch.issuer.p = name;
		ch.issuer.n = len < 0 ? 0 : (size_t)len;
		(void)der_extension(buf_bytes(&chain[1]), aki, sizeof(aki),
		    &ch.aki);
	}
	k = X509_get0_pubkey(final != NULL ? final : signer);
	if (k == NULL || der_tbs(span, &ch, tbs) == -1) {
		err_set(e, ERR_FORMAT, "add-pre-chain: chain[0] cannot be "
		    "read");
		goto out;
	}
	key_id(k, key_hash);
	rc = 0;
out:
	X509_free(signer);
	X509_free(final);
	OPENSSL_free(name);
	return rc;
}

/* The SCT over a leaf, as the JSON of 4.1. */
static void
put_sct(struct rlog *lg, enum kind k, const struct buf *leaf,
    struct buf *out)
{
	struct buf sig = BUF_INIT;

	key_digitally_sign(lie_tell(&lg->lies[LIE_WRONGKEY], k) ? lg->wrong :
	    lg->key, buf_bytes(leaf), &sig);
	if (lie_tell(&lg->lies[LIE_BADSIG], k))
		sig.p[sig.n - 1] ^= 1;
	buf_str(out, "{\"sct_version\":0,\"id\":\"");
	b64_put(out, lg->id, 32);
	buf_fmt(out, "\",\"timestamp\":%llu,\"extensions\":\"",
	    (unsigned long long)entry_time(leaf));
	b64_put(out, entry_extensions(leaf).p, entry_extensions(leaf).n);
	buf_str(out, "\",\"signature\":\"");
	b64_put(out, sig.p, sig.n);
	buf_str(out, "\"}");
	buf_free(&sig);
}

int
submit_chain(struct rlog *lg, const struct buf *chain, size_t n, enum kind k,
    struct buf *out, struct err *e)
{
	struct leaf l = { rlog_now(), k == KIND_ADDPRE, { 0 }, { NULL, 0 },
	    rlog_next(lg) };
	struct entry ent, old;
	struct buf tbs = BUF_INIT;
	uint8_t key[32], id[32];
	const struct lie *y;
	int64_t at;
	size_t i, byte;
	int rc = -1;

	memset(&ent, 0, sizeof(ent));
	l.cert = buf_bytes(&chain[0]);
	if (k == KIND_ADDPRE) {
		if (precert(chain, n, &tbs, l.key_hash, e) == -1)
			goto out;
		l.cert = buf_bytes(&tbs);
		buf_add(&ent.pre, chain[0].p, chain[0].n);
	}
	entry_leaf(&l, &ent.leaf);
	entry_key(&ent.leaf, key);
	at = rlog_find(lg, key);
	if (at >= 0) {
		rlog_read(lg, (uint64_t)at, &old);
		put_sct(lg, k, &old.leaf, out);
		entry_free(&old);
		rc = 0;
		goto out;
	}
	for (i = 1; i < n; i++) {
		issuers_add(buf_bytes(&chain[i]), id);
		buf_add(&ent.chain, id, 32);
	}
	put_sct(lg, k, &ent.leaf, out);
	/* what is kept is not what was promised: cosmic rays */
	if (lie_tell(&lg->lies[LIE_YETI], k)) {
		y = &lg->lies[LIE_YETI];
		byte = y->byte < 0 ? ent.leaf.n / 2 :
		    (size_t)y->byte < ent.leaf.n ? (size_t)y->byte :
		    ent.leaf.n - 1;
		ent.leaf.p[byte] ^= 1;
	}
	/* a promise that will not be kept */
	if (lie_tell(&lg->lies[LIE_WITHHOLD], k) == 0) {
		(void)rlog_append(lg, &ent);
		rlog_done(lg);
	}
	rc = 0;
out:
	entry_free(&ent);
	buf_free(&tbs);
	return rc;
}

long
submit_read(const json_t *list, struct buf *out, size_t max, struct err *e)
{
	size_t i, n = json_array_size(list);
	const char *s;

	if (n == 0 || n > max)
		return err_set(e, ERR_FORMAT, "chain: must be an array of 1 "
		    "to %zu certificates", max);
	for (i = 0; i < n; i++) {
		s = json_string_value(json_array_get(list, i));
		if (s == NULL || b64_get(&out[i], s) == -1 || out[i].n == 0)
			return err_set(e, ERR_FORMAT,
			    "chain[%zu]: is no base64", i);
	}
	return (long)n;
}

void
submit_serve(struct rlog *lg, enum kind k, const struct web_req *r,
    struct web_res *s)
{
	struct buf chain[CHAIN_MAX];
	struct err e = ERR_INIT;
	json_t *js;
	long n;
	size_t i;

	if (strcmp(lg->state, "readonly") == 0) {
		web_say(s, 400, "this log takes no more entries");
		return;
	}
	memset(chain, 0, sizeof(chain));
	js = json_loadb(buf_text(&r->body), r->body.n, 0, NULL);
	n = submit_read(json_object_get(js, "chain"), chain, CHAIN_MAX, &e);
	s->type = "application/json";
	if (n < 0 || submit_chain(lg, chain, (size_t)n, k, &s->body,
	    &e) == -1)
		web_say(s, 400, "%s", e.msg);
	for (i = 0; i < CHAIN_MAX; i++)
		buf_free(&chain[i]);
	json_decref(js);
}

void
submit_roots(struct web_res *s)
{
	struct span der;
	const uint8_t *p;
	const char *comma = "";
	size_t i;
	X509 *x;

	s->type = "application/json";
	buf_str(&s->body, "{\"certificates\":[");
	for (i = 0; issuers_at(i, &der) == 0; i++) {
		p = der.p;
		x = d2i_X509(NULL, &p, (long)der.n);
		if (x != NULL && X509_NAME_cmp(X509_get_subject_name(x),
		    X509_get_issuer_name(x)) == 0) {
			buf_fmt(&s->body, "%s\"", comma);
			b64_put(&s->body, der.p, der.n);
			buf_str(&s->body, "\"");
			comma = ",";
		}
		X509_free(x);
	}
	buf_str(&s->body, "]}");
}
