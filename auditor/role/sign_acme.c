#include "auditor/role/sign_acme.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme/jws.h"
#include "acme/pkey.h"
#include "acme/url.h"
#include "auditor/role/sign_acme_part.h"
#include "auditor/role/sign_payload.h"
#include "auditor/role/sign_pem.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/der.h"

/* The sandbox can only be opened for a folder that is there. */
static int
check_deploy(const char *path, struct err *e)
{
	int fd;

	if (path == NULL)
		return 0;
	if ((fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1)
		return err_set(e, ERR_SYS, "%s, where certificates are "
		    "deployed", path);
	close(fd);
	return 0;
}

struct sign_acme *
sign_acme_new(const struct sign_setup *setup, struct err *e)
{
	struct sign_acme *a;

	if (setup->authority.n != 0 && setup->authority.n != SIGN_AUTHORITY) {
		err_set(e, ERR_USAGE, "the operator's authority has %d bytes",
		    SIGN_AUTHORITY);
		return NULL;
	}
	if (check_deploy(setup->deploy, e) == -1)
		return NULL;
	a = mem_zero(sizeof(*a));
	a->http = setup->http;
	a->operator = setup->authority.n != 0;
	if (a->operator)
		memcpy(a->authority, setup->authority.p, SIGN_AUTHORITY);
	a->store = sign_store_open(setup->state_dir, setup->passphrase, e);
	if (a->store == NULL || sign_store_settle(a->store, e) == -1) {
		sign_acme_free(a);
		return NULL;
	}
	return a;
}

void
sign_acme_free(struct sign_acme *a)
{
	if (a == NULL)
		return;
	sign_store_free(a->store);
	mem_wipe(a->authority, sizeof(a->authority));
	free(a);
}

EVP_PKEY *
sign_acme_key(struct sign_acme *a, enum sign_place place, const char *id,
    int next, struct err *e)
{
	struct sign_name k = { place, id, next };

	return sign_store_get(a->store, k, e);
}

int
sign_acme_may(const struct sign_acme *a, struct span authority,
    const char *what, struct err *e)
{
	if (a->operator && authority.n == SIGN_AUTHORITY &&
	    CRYPTO_memcmp(a->authority, authority.p, SIGN_AUTHORITY) == 0)
		return 0;
	return err_set(e, ERR_PERM, "not signed: %s needs the operator's "
	    "authority, which commands have and the daemon has not", what);
}

/* The first of ${hosts} is the directory's, the others are listed for it. */
int
sign_acme_pinned(const struct sign_acme *a, const char *hosts,
    const char *const *urls, struct err *e)
{
	const char *v[LIMIT_SIGN_HOSTS];
	struct url_pin pin;
	char *copy, *p;
	size_t n;
	int rc;

	memset(&pin, 0, sizeof(pin));
	pin.http = a->http;
	copy = mem_str(hosts);
	n = 0;
	rc = 0;
	for (p = strtok(copy, " "); p != NULL; p = strtok(NULL, " ")) {
		if (n == LIMIT_SIGN_HOSTS || strlen(p) >= URL_HOST) {
			rc = err_set(e, ERR_LIMIT, "not signed: more than %u "
			    "hosts, or one that is too long",
			    LIMIT_SIGN_HOSTS);
			break;
		}
		v[n++] = p;
	}
	if (rc == 0 && n == 0)
		rc = err_set(e, ERR_VERIFY, "not signed: no host is given");
	if (rc == 0) {
		memcpy(pin.host, v[0], strlen(v[0]) + 1);
		pin.hosts = v + 1;
		pin.nhosts = n - 1;
	}
	for (; rc == 0 && *urls != NULL; urls++)
		if (url_check(&pin, *urls, "not signed", e) == -1) {
			rc = -1;
			if (e != NULL)
				e->code = ERR_VERIFY;
		}
	free(copy);
	return rc;
}

/* --- what the payload's purpose wants of the keys --- */

/* The certificate is for this very key. */
static int
check_certificate(struct span der, EVP_PKEY *key, struct err *e)
{
	struct der_tbs tbs;
	struct span whole;
	uint8_t want[32], is[32];

	if (der_cert(der, &whole, NULL, NULL, NULL) == -1 ||
	    der_tbs(whole, &tbs, NULL) == -1)
		return err_set(e, ERR_VERIFY, "not signed: \"certificate\" is "
		    "no certificate");
	if (key == NULL)
		return 0;
	if (pkey_spki_sha256(key, want, e) == -1)
		return -1;
	sha_256(is, tbs.spki.p, tbs.spki.n);
	if (memcmp(is, want, sizeof(is)) != 0)
		return err_set(e, ERR_VERIFY, "not signed: the certificate is "
		    "for another key");
	return 0;
}

/* The request is for one of our keys, and that is no account's. */
static int
check_csr(struct sign_acme *a, const struct sign_ask *ask, struct span der,
    struct err *e)
{
	const uint8_t *p;
	X509_REQ *req;
	EVP_PKEY *key, *its;
	int is, rc;

	p = der.p;
	req = d2i_X509_REQ(NULL, &p, (long)der.n);
	key = req == NULL || p != der.p + der.n ? NULL :
	    X509_REQ_get0_pubkey(req);
	rc = -1;
	if (key == NULL || X509_REQ_verify(req, key) != 1)
		err_set(e, ERR_VERIFY, "not signed: \"csr\" is no certificate "
		    "request that its own key signed");
	else if ((is = sign_store_is_account(a->store, key, e)) != 0) {
		if (is == 1)
			err_set(e, ERR_VERIFY, "not signed: the request is "
			    "for the key of an account");
	} else if (ask->cert[0] == '\0')
		rc = sign_acme_may(a, ask->authority, "a certificate for a "
		    "key that is not kept here", e);
	else if ((its = sign_acme_key(a, SIGN_CERT, ask->cert, 0, e)) !=
	    NULL) {
		rc = EVP_PKEY_eq(its, key) == 1 ? 0 : err_set(e, ERR_VERIFY,
		    "not signed: the request is for another key than %s",
		    ask->cert);
		EVP_PKEY_free(its);
	}
	X509_REQ_free(req);
	ERR_clear_error();
	return rc;
}

/* The binding is for this URL and binds this key. */
static int
check_binding(EVP_PKEY *key, const struct sign_ask *ask,
    const struct sign_payload *p, struct err *e)
{
	struct buf jwk = BUF_INIT;
	int rc;

	if (p->head.n == 0)
		return 0;
	if (jws_jwk(key, &jwk, e) == -1)
		return -1;
	rc = 0;
	if (!sign_payload_is_eab(buf_bytes(&p->head), ask->url) ||
	    p->body.n != jwk.n || memcmp(p->body.p, jwk.p, jwk.n) != 0)
		rc = err_set(e, ERR_VERIFY, "not signed: the external "
		    "binding is not for this key and URL");
	buf_free(&jwk);
	return rc;
}

int
sign_acme_inner(struct sign_acme *a, EVP_PKEY *old,
    const struct sign_roll *r, struct buf *out, struct err *e)
{
	struct jws_change c;
	int rc;

	c.old = old;
	c.account = r->kid;
	c.url = r->url;
	c.new = sign_acme_key(a, SIGN_ACCOUNT, r->account, 1, e);
	if (c.new == NULL)
		return -1;
	rc = jws_key_change(&c, out, e);
	EVP_PKEY_free(c.new);
	return rc;
}

/* The inner JWS says what ours would say: signatures differ each time. */
static int
check_change(struct sign_acme *a, EVP_PKEY *key, const struct sign_ask *ask,
    const struct sign_payload *p, struct err *e)
{
	struct sign_payload ours = SIGN_PAYLOAD_INIT;
	struct sign_roll r = { ask->account, "", ask->hosts, ask->url,
	    ask->kid, ask->authority };
	struct buf inner = BUF_INIT;
	int rc;

	rc = sign_acme_inner(a, key, &r, &inner, e);
	if (rc == 0)
		rc = sign_payload_read(ACME_KEY_CHANGE, buf_bytes(&inner),
		    &ours, e);
	if (rc == 0 && (ours.head.n != p->head.n ||
	    ours.body.n != p->body.n ||
	    memcmp(ours.head.p, p->head.p, p->head.n) != 0 ||
	    memcmp(ours.body.p, p->body.p, p->body.n) != 0))
		rc = err_set(e, ERR_VERIFY, "not signed: the inner JWS is not "
		    "this account's change to its next key");
	sign_payload_free(&ours);
	buf_free(&inner);
	return rc;
}

/* Who may ask for it. */
static int
check_authority(const struct sign_acme *a, const struct sign_ask *ask,
    struct err *e)
{
	switch (ask->purpose) {
	case ACME_ACCOUNT_CLOSE:
		return sign_acme_may(a, ask->authority, "closing an account",
		    e);
	case ACME_KEY_CHANGE:
		return sign_acme_may(a, ask->authority, "another key for an "
		    "account", e);
	case ACME_REVOKE:
	case ACME_REVOKE_KEY:
		return sign_acme_may(a, ask->authority, "a revocation", e);
	default:
		return 0;
	}
}

/* By whose key, and where to. */
static int
check_frame(const struct sign_acme *a, const struct sign_ask *ask,
    struct err *e)
{
	const char *urls[] = { ask->url, ask->kid, NULL };
	int jwk;

	jwk = ask->purpose == ACME_ACCOUNT_NEW ||
	    ask->purpose == ACME_REVOKE_KEY;
	if (jwk != (ask->kid[0] == '\0'))
		return err_set(e, ERR_VERIFY, "not signed: a request of "
		    "purpose %u is sent %s", (unsigned)ask->purpose, jwk ?
		    "with the public key, not with an account's URL" :
		    "with an account's URL");
	if (jwk)
		urls[1] = NULL;
	if (sign_acme_pinned(a, ask->hosts, urls, e) == -1)
		return -1;
	if ((ask->purpose == ACME_ACCOUNT_GET ||
	    ask->purpose == ACME_ACCOUNT_CLOSE) &&
	    strcmp(ask->url, ask->kid) != 0)
		return err_set(e, ERR_VERIFY, "not signed: the URL is not "
		    "that of the account");
	if (!jws_nonce_ok(ask->nonce))
		return err_set(e, ERR_VERIFY, "not signed: the nonce is not "
		    "base64url (RFC 8555, 6.5.1)");
	if (ask->next && (ask->purpose == ACME_KEY_CHANGE ||
	    ask->purpose == ACME_REVOKE_KEY))
		return err_set(e, ERR_VERIFY, "not signed: not by a next key");
	return 0;
}

static int
check_keys(struct sign_acme *a, const struct sign_ask *ask, EVP_PKEY *key,
    const struct sign_payload *p, struct err *e)
{
	switch (ask->purpose) {
	case ACME_ACCOUNT_NEW:
		return check_binding(key, ask, p, e);
	case ACME_KEY_CHANGE:
		return check_change(a, key, ask, p, e);
	case ACME_FINALIZE:
		return check_csr(a, ask, buf_bytes(&p->der), e);
	case ACME_REVOKE:
		return check_certificate(buf_bytes(&p->der), NULL, e);
	case ACME_REVOKE_KEY:
		return check_certificate(buf_bytes(&p->der), key, e);
	default:
		return 0;
	}
}

int
sign_acme_ask(struct sign_acme *a, const struct sign_ask *ask,
    struct buf *out, struct err *e)
{
	struct sign_payload p = SIGN_PAYLOAD_INIT;
	struct jws_ask j;
	EVP_PKEY *key;
	char *text;
	int rc;

	if (check_authority(a, ask, e) == -1 ||
	    sign_payload_read(ask->purpose, ask->payload, &p, e) == -1 ||
	    check_frame(a, ask, e) == -1) {
		sign_payload_free(&p);
		return -1;
	}
	key = ask->purpose == ACME_REVOKE_KEY ?
	    sign_acme_key(a, SIGN_CERT, ask->cert, 0, e) :
	    sign_acme_key(a, SIGN_ACCOUNT, ask->account, ask->next, e);
	rc = key == NULL ? -1 : check_keys(a, ask, key, &p, e);
	if (rc == 0) {
		text = mem_dup(ask->payload.n == 0 ? (const uint8_t *)"" :
		    ask->payload.p, ask->payload.n);
		j.url = ask->url;
		j.nonce = ask->nonce;
		j.kid = ask->kid[0] == '\0' ? NULL : ask->kid;
		j.payload = text;
		rc = jws_sign(key, &j, out, e);
		free(text);
	}
	EVP_PKEY_free(key);
	sign_payload_free(&p);
	return rc;
}
