#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/inspect.h"
#include "base/limit.h"
#include "base/sha.h"
#include "ctlog/sct.h"
#include "ocsp/crl.h"
#include "ocsp/ocsp.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "pki/owner.h"

/* Certificates with their SCTs, CRLs, OCSP responses. */

int
inspect_cert_fields(json_t *o, struct span der, int tbs, struct err *e)
{
	struct cert	 c;
	json_t		*a;
	size_t		 i;
	int		 rc;

	memset(&c, 0, sizeof(c));
	rc = tbs ? cert_read_tbs(der, &c, e) : cert_read(der, &c, e);
	if (rc == 0) {
		inspect_str(o, "subject", c.subject);
		inspect_str(o, "issuer", c.issuer);
		inspect_str(o, "serial", c.serial);
		a = json_array();
		for (i = 0; i < c.nnames; i++) {
			json_t *t = json_object();

			inspect_str(t, "n", c.names[i]);
			json_array_append(a, json_object_get(t, "n"));
			json_decref(t);
		}
		json_object_set_new(o, "names", a);
		inspect_time(o, "not_before", c.not_before);
		inspect_time(o, "not_after", c.not_after);
		inspect_str(o, "key_type", c.key_type);
		json_object_set_new(o, "is_ca", json_boolean(c.is_ca));
		inspect_hex(o, "tbs_sha256", c.tbs_sha256, 32);
		if (!tbs)
			inspect_hex(o, "cert_sha256", c.cert_sha256, 32);
		inspect_hex(o, "spki_sha256", c.spki_sha256, 32);
		if (c.is_precert)
			json_object_set_new(o, "type",
			    json_string("precertificate"));
	}
	cert_free(&c);
	return rc;
}

/* Is the key that was given a log's, of this list of SCTs? */
static int
key_is_log(const struct inspect *in, const struct span *v, size_t n)
{
	struct sct	sct;
	uint8_t		id[32];
	size_t		i;

	sha_256(id, in->trust->spki.p, in->trust->spki.n);
	for (i = 0; in->trust->spki.n != 0 && i < n; i++)
		if (sct_read(v[i], &sct, NULL) == 0 &&
		    memcmp(sct.log_id, id, 32) == 0)
			return 1;
	return 0;
}

/*
 * One SCT.  ${subject} NULL: what it is for is not at hand.  Appends to the
 * array; an invalid one makes the exit status 2.
 */
static void
sct_line(struct inspect *in, json_t *a, struct span raw,
    const struct entry *subject)
{
	struct sct	 sct;
	struct err	 e = ERR_INIT;
	struct span	 key = buf_bytes(&in->trust->spki);
	const char	*name = NULL, *said = "valid";
	json_t		*o = json_object();
	uint8_t		 id[32];

	if (sct_read(raw, &sct, &e) == -1) {
		in->worst = 2;
		said = "malformed";
		goto out;
	}
	inspect_b64(o, "log_id", sct.log_id, 32);
	inspect_int(o, "timestamp", sct.timestamp);
	inspect_time(o, "time", (int64_t)(sct.timestamp % (1ULL << 50)) *
	    1000);
	if (sct.leaf_index != -1)
		inspect_int(o, "leaf_index", (uint64_t)sct.leaf_index);
	sha_256(id, key.p, key.n);
	if ((key.n == 0 || memcmp(id, sct.log_id, 32) != 0) &&
	    inspect_log(in, sct.log_id, &key, &name) == -1) {
		said = "unchecked";
		(void)err_set(&e, ERR_NOENT, "its log's key was not given");
	} else if (subject == NULL) {
		said = "unchecked";
		(void)err_set(&e, ERR_NOENT, "the certificate and its issuer "
		    "are not both at hand");
	} else if (sct_verify(&sct, subject, key, &e) == -1) {
		said = "invalid";
		in->worst = 2;
	}
	if (name != NULL)
		inspect_str(o, "log", name);
out:
	json_object_set_new(o, "signature", json_string(said));
	inspect_str(o, "reason", e.code == ERR_NONE ? "" : e.msg);
	json_array_append_new(a, o);
}

static void
sct_lines(struct inspect *in, json_t *o, struct span list,
    const struct entry *subject, struct err *e)
{
	struct span	 v[LIMIT_INSPECT_SCTS];
	json_t		*a = json_array();
	size_t		 i, n = 0;

	if (sct_list(list, v, LIMIT_INSPECT_SCTS, &n, e) == 0)
		for (i = 0; i < n; i++)
			sct_line(in, a, v[i], subject);
	json_object_set_new(o, "scts", a);
}

void
inspect_sct_list(struct inspect *in, struct span list)
{
	struct err	 e = ERR_INIT;
	json_t		*o = inspect_begin(in, "sct_list");
	struct span	 inner;

	/* as in an extension, or as in a TLS handshake */
	if (list.n != 0 && list.p[0] == 0x04 && sct_unwrap(list, &inner,
	    NULL) == 0)
		list = inner;
	sct_lines(in, o, list, NULL, &e);
	if (e.code != ERR_NONE)
		inspect_malformed(in, o, &e);
	else
		inspect_end(in, o, INSPECT_UNCHECKED, "what the SCTs are for "
		    "is not in this file");
}

int
inspect_sct(struct inspect *in, struct span s)
{
	struct sct	sct;
	json_t		*o, *a;

	if (sct_read(s, &sct, NULL) == -1)
		return 0;
	o = inspect_begin(in, "sct");
	a = json_array();
	sct_line(in, a, s, NULL);
	json_object_set_new(o, "scts", a);
	inspect_end(in, o, INSPECT_UNCHECKED, "what the SCT is for is not in "
	    "this file");
	return 1;
}

/* Who of the certificates at hand signed it; p NULL: nobody. */
static struct span
issuer_of(const struct inspect *in, struct span der)
{
	struct span	none = { NULL, 0 };
	size_t		i;

	if (in->trust->cert.n != 0 && cert_signed_by(der,
	    buf_bytes(&in->trust->cert), NULL) == 1)
		return buf_bytes(&in->trust->cert);
	for (i = 0; i < in->ncerts; i++)
		if (cert_signed_by(der, in->certs[i], NULL) == 1)
			return in->certs[i];
	return cert_signed_by(der, der, NULL) == 1 ? der : none;
}

/* The SCTs inside a certificate: of the TBS without them. */
static void
embedded(struct inspect *in, json_t *o, struct span tbs, struct span list,
    struct span issuer, struct err *e)
{
	struct entry	subject;
	struct buf	b = BUF_INIT;
	int		have = 0;

	memset(&subject, 0, sizeof(subject));
	subject.type = ENTRY_PRECERT;
	if (issuer.p != NULL && cert_key_hash(issuer,
	    subject.issuer_key_hash, NULL) == 0 && der_tbs_without(tbs,
	    DER_OID_ARG(DER_OID_SCTS), &b, NULL) == 1) {
		subject.cert = buf_bytes(&b);
		have = 1;
	}
	sct_lines(in, o, list, have ? &subject : NULL, e);
	buf_free(&b);
}

/* A public key alone: does it sign this certificate? */
static int
key_signed(struct span der, struct span spki)
{
	const unsigned char	*p = der.p, *k = spki.p;
	X509			*x = d2i_X509(NULL, &p, (long)der.n);
	EVP_PKEY		*key = d2i_PUBKEY(NULL, &k, (long)spki.n);
	int			 ok;

	ok = x != NULL && key != NULL && X509_verify(x, key) == 1;
	X509_free(x);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok;
}

void
inspect_certificate(struct inspect *in, struct span der)
{
	struct err	 e = ERR_INIT;
	json_t		*o = inspect_begin(in, "certificate");
	struct span	 tbs, issuer, ext, list, v[LIMIT_INSPECT_SCTS];
	struct der_tbs	 t;
	size_t		 n = 0;
	const char	*owner;
	uint8_t		 key[32];

	if (der_cert(der, &tbs, NULL, NULL, &e) == -1 ||
	    der_tbs(tbs, &t, &e) == -1 ||
	    inspect_cert_fields(o, der, 0, &e) == -1) {
		inspect_malformed(in, o, &e);
		return;
	}
	issuer = issuer_of(in, der);
	if (issuer.p != NULL && cert_key_hash(issuer, key, NULL) == 0 &&
	    (owner = owner_of_key(key)) != NULL)
		inspect_str(o, "issuer_owner", owner);
	if (der_ext(&t, DER_OID_ARG(DER_OID_SCTS), &ext, NULL) == 1) {
		if (sct_unwrap(ext, &list, &e) == 0) {
			(void)sct_list(list, v, LIMIT_INSPECT_SCTS, &n, NULL);
			embedded(in, o, tbs, list, issuer, &e);
		}
		if (e.code != ERR_NONE) {
			inspect_malformed(in, o, &e);
			return;
		}
	}
	if (issuer.p != NULL)
		inspect_end(in, o, INSPECT_VALID, issuer.p == der.p ?
		    "self-signed" : "signed by a certificate at hand");
	else if (in->trust->spki.n == 0 || key_is_log(in, v, n))
		inspect_end(in, o, INSPECT_UNCHECKED, "its issuer's "
		    "certificate was not given");
	else if (key_signed(der, buf_bytes(&in->trust->spki)))
		inspect_end(in, o, INSPECT_VALID, "signed with the key given");
	else
		inspect_end(in, o, INSPECT_INVALID, "not signed with the key "
		    "given");
}

/* Is this the issuer's name of a CRL (RFC 5280 5.1.2.3)? */
static int
crl_names(struct span crl, struct span name)
{
	struct cur	c = cur_span(crl);
	struct der	d;

	if (der_want(&c, DER_SEQ, &d) == -1)
		return 0;
	c = cur_span(d.body);
	if (der_want(&c, DER_SEQ, &d) == -1)
		return 0;
	c = cur_span(d.body);
	(void)der_want(&c, DER_INT, &d);
	return der_want(&c, DER_SEQ, &d) == 0 &&
	    der_want(&c, DER_SEQ, &d) == 0 && d.whole.n == name.n &&
	    memcmp(d.whole.p, name.p, name.n) == 0;
}

/*
 * Of the keys at hand, one that fits: 1; a key was given and does not: 0;
 * none was given: -1.
 */
static int
any_key(const struct inspect *in, struct span der,
    int (*verify)(struct span, struct span, struct err *), struct err *e)
{
	struct span	tbs;
	struct der_tbs	t;
	size_t		i;

	if (in->trust->spki.n != 0)
		return verify(der, buf_bytes(&in->trust->spki), e) == 1;
	for (i = 0; i < in->ncerts; i++)
		if (der_cert(in->certs[i], &tbs, NULL, NULL, NULL) == 0 &&
		    der_tbs(tbs, &t, NULL) == 0 &&
		    verify(der, t.spki, NULL) == 1)
			return 1;
	for (i = 0; verify == crl_verify && i < in->ncerts; i++)
		if (der_cert(in->certs[i], &tbs, NULL, NULL, NULL) == 0 &&
		    der_tbs(tbs, &t, NULL) == 0 && crl_names(der, t.subject))
			return verify(der, t.spki, e) == 1;
	return -1;
}

static void
signature(struct inspect *in, json_t *o, int r, const struct err *e)
{
	inspect_end(in, o, r == 1 ? INSPECT_VALID : r == 0 ? INSPECT_INVALID :
	    INSPECT_UNCHECKED, r == 1 ? "signed by a key at hand" : r == 0 ?
	    e->msg : "its issuer's certificate was not given (--key)");
}

void
inspect_crl(struct inspect *in, struct span der)
{
	struct err	 e = ERR_INIT;
	struct crl	 c;
	json_t		*o = inspect_begin(in, "crl"), *a, *r;
	size_t		 i;

	if (crl_read(der, LIMIT_INSPECT_REVOKED, &c, &e) == -1) {
		inspect_malformed(in, o, &e);
		crl_free(&c);
		return;
	}
	inspect_str(o, "issuer", c.issuer);
	inspect_str(o, "algorithm", c.sigalg);
	inspect_time(o, "this_update", c.this_update);
	inspect_time(o, "next_update", c.next_update);
	inspect_str(o, "number", c.number);
	json_object_set_new(o, "is_delta", json_boolean(c.is_delta));
	inspect_int(o, "entries", c.count);
	a = json_array();
	for (i = 0; i < c.nentries; i++) {
		r = json_object();
		inspect_str(r, "serial", c.entries[i].serial);
		inspect_time(r, "revoked_at", c.entries[i].at);
		if (c.entries[i].reason != -1)
			inspect_int(r, "revocation_reason",
			    (uint64_t)c.entries[i].reason);
		json_array_append_new(a, r);
	}
	json_object_set_new(o, "revoked", a);
	crl_free(&c);
	signature(in, o, any_key(in, der, crl_verify, &e), &e);
}

static json_t *
ocsp_answer(const struct ocsp_single *s)
{
	json_t	*o = json_object();

	inspect_str(o, "serial", s->serial);
	inspect_str(o, "issuer_key_hash", s->issuer_key_hash);
	inspect_str(o, "status", s->status);
	inspect_time(o, "this_update", s->this_update);
	inspect_time(o, "next_update", s->next_update);
	if (s->revoked_at != INT64_MIN)
		inspect_time(o, "revoked_at", s->revoked_at);
	if (s->reason != -1)
		inspect_int(o, "revocation_reason", (uint64_t)s->reason);
	return o;
}

void
inspect_ocsp(struct inspect *in, struct span der)
{
	struct err	 e = ERR_INIT;
	struct ocsp	 r;
	json_t		*o = inspect_begin(in, "ocsp_response"), *a;
	size_t		 i;
	int		 status;

	if (ocsp_read(der, &r, &e) == -1) {
		inspect_malformed(in, o, &e);
		ocsp_free(&r);
		return;
	}
	status = r.status;
	inspect_str(o, "response", r.said);
	if (status == 0) {
		inspect_str(o, "responder", r.responder != NULL ?
		    r.responder : "");
		inspect_str(o, "algorithm", r.sigalg);
		inspect_time(o, "produced_at", r.produced_at);
		inspect_int(o, "certificates", r.ncerts);
		a = json_array();
		for (i = 0; i < r.nsingles; i++)
			json_array_append_new(a, ocsp_answer(&r.singles[i]));
		json_object_set_new(o, "answers", a);
	}
	ocsp_free(&r);
	if (status != 0)
		inspect_end(in, o, INSPECT_UNCHECKED, "a refusal is not "
		    "signed (RFC 6960 2.3)");
	else
		signature(in, o, any_key(in, der, ocsp_verify, &e), &e);
}
