#include "auditor/role/sign_client_acme.h"

#include <string.h>

#include "base/mem.h"

static void
put(struct buf *b, const char *s)
{
	buf_vec32(b, s, strlen(s));
}

static void
put_span(struct buf *b, struct span s)
{
	buf_vec32(b, s.n == 0 ? (const uint8_t *)"" : s.p, s.n);
}

/* Send the request and free it, wiped: it may hold an authority or a key. */
static int
finish(struct sign_client *c, struct sign_call *x, struct buf *request,
    struct buf *out, struct err *e)
{
	int rc;

	x->request = request;
	rc = sign_client_call(c, x, out, e);
	mem_wipe(request->p, request->cap);
	buf_free(request);
	return rc;
}

/* The same for an answer of 32 bytes. */
static int
finish_spki(struct sign_client *c, struct sign_call *x, struct buf *request,
    uint8_t spki[32], struct err *e)
{
	struct buf out = BUF_INIT;
	int rc;

	rc = finish(c, x, request, &out, e);
	if (rc == 0 && out.n != 32)
		rc = err_set(e, ERR_SYS, "sign process: no hash of a key");
	if (rc == 0)
		memcpy(spki, out.p, 32);
	buf_free(&out);
	return rc;
}

static int
read_account(struct cur c, struct sign_account *a)
{
	struct cur thumbprint, jwk;
	uint8_t have;
	size_t n;
	int i;

	if (cur_u8(&c, &have) == -1)
		return -1;
	a->have = have;
	for (i = 0; i < 2; i++) {
		if ((have & (i == 0 ? SIGN_HAS_KEY : SIGN_HAS_NEXT)) == 0)
			continue;
		if (cur_vec32(&c, &thumbprint) == -1 ||
		    cur_vec32(&c, &jwk) == -1 ||
		    (n = cur_left(&thumbprint)) >= sizeof(a->thumbprint[i]))
			return -1;
		memcpy(a->thumbprint[i], thumbprint.p, n);
		a->thumbprint[i][n] = '\0';
		buf_span(&a->jwk[i], cur_rest(&jwk));
	}
	return cur_left(&c) == 0 ? 0 : -1;
}

int
sign_client_account(struct sign_client *c, const char *id, const char *kind,
    struct sign_account *out, struct err *e)
{
	struct sign_call x = { kind == NULL ? SIGN_ACCOUNT_PUBLIC :
	    SIGN_ACCOUNT_NEW, NULL, -1 };
	struct buf b = BUF_INIT, said = BUF_INIT;
	int rc;

	put(&b, id);
	if (kind != NULL)
		put(&b, kind);
	rc = finish(c, &x, &b, &said, e);
	if (rc == 0 && read_account(cur_span(buf_bytes(&said)), out) == -1)
		rc = err_set(e, ERR_SYS, "sign process: no public keys");
	buf_free(&said);
	return rc;
}

void
sign_account_free(struct sign_account *a)
{
	buf_free(&a->jwk[0]);
	buf_free(&a->jwk[1]);
	a->have = 0;
}

int
sign_client_cert(struct sign_client *c, const char *id, const char *kind,
    uint8_t spki[32], struct err *e)
{
	struct sign_call x = { SIGN_CERT_NEW, NULL, -1 };
	struct buf b = BUF_INIT;

	put(&b, id);
	put(&b, kind);
	return finish_spki(c, &x, &b, spki, e);
}

int
sign_client_csr(struct sign_client *c, const char *id,
    struct sign_names names, struct buf *out, struct err *e)
{
	struct sign_call x = { SIGN_CERT_CSR, NULL, -1 };
	struct buf b = BUF_INIT;
	size_t i;

	put(&b, id);
	for (i = 0; i < names.n; i++)
		put(&b, names.v[i]);
	return finish(c, &x, &b, out, e);
}

int
sign_client_ask(struct sign_client *c, const struct sign_ask *ask,
    struct buf *out, struct err *e)
{
	struct sign_call x = { SIGN_ACME, NULL, -1 };
	struct buf b = BUF_INIT;

	buf_u8(&b, (uint8_t)ask->purpose);
	buf_u8(&b, ask->next != 0);
	put(&b, ask->account);
	put(&b, ask->cert);
	put(&b, ask->hosts);
	put(&b, ask->url);
	put(&b, ask->nonce);
	put(&b, ask->kid);
	put_span(&b, ask->payload);
	put_span(&b, ask->authority);
	return finish(c, &x, &b, out, e);
}

int
sign_client_bind(struct sign_client *c, const struct sign_bind *bind,
    struct buf *out, struct err *e)
{
	struct sign_call x = { SIGN_BIND, NULL, -1 };
	struct buf b = BUF_INIT;

	put(&b, bind->account);
	put(&b, bind->hosts);
	put(&b, bind->url);
	put(&b, bind->alg);
	put(&b, bind->kid);
	put(&b, bind->key);
	return finish(c, &x, &b, out, e);
}

int
sign_client_roll(struct sign_client *c, const struct sign_roll *r,
    struct buf *out, struct err *e)
{
	struct sign_call x = { SIGN_ROLL, NULL, -1 };
	struct buf b = BUF_INIT;

	put(&b, r->account);
	put(&b, r->kind);
	put(&b, r->hosts);
	put(&b, r->url);
	put(&b, r->kid);
	put_span(&b, r->authority);
	return finish(c, &x, &b, out, e);
}

int
sign_client_rolled(struct sign_client *c, const char *id, int commit,
    struct span authority, struct err *e)
{
	struct sign_call x = { SIGN_ROLLED, NULL, -1 };
	struct buf b = BUF_INIT;

	put(&b, id);
	buf_u8(&b, commit != 0);
	put_span(&b, authority);
	return finish(c, &x, &b, NULL, e);
}

int
sign_client_deploy_post(struct sign_client *c, const char *id, int dir,
    const struct sign_deploy *d, struct err *e)
{
	struct sign_call x = { SIGN_CERT_DEPLOY, NULL, dir };
	struct buf b = BUF_INIT;
	int rc;

	put(&b, id);
	buf_u32(&b, d->mode);
	buf_u32(&b, d->uid);
	buf_u32(&b, d->gid);
	x.request = &b;
	rc = sign_client_post(c, &x, e);
	buf_free(&b);
	return rc;
}

int
sign_client_deploy_answer(struct sign_client *c, struct err *e)
{
	return sign_client_answer(c, SIGN_CERT_DEPLOY, NULL, e);
}

int
sign_client_deploy(struct sign_client *c, const char *id, int dir,
    const struct sign_deploy *d, struct err *e)
{
	return sign_client_deploy_post(c, id, dir, d, e) == -1 ? -1 :
	    sign_client_deploy_answer(c, e);
}

int
sign_client_import(struct sign_client *c, const char *id, int fd,
    uint8_t spki[32], struct err *e)
{
	struct sign_call x = { SIGN_CERT_IMPORT, NULL, fd };
	struct buf b = BUF_INIT;

	put(&b, id);
	return finish_spki(c, &x, &b, spki, e);
}

int
sign_client_drop(struct sign_client *c, const char *id, struct err *e)
{
	struct sign_call x = { SIGN_CERT_DROP, NULL, -1 };
	struct buf b = BUF_INIT;

	put(&b, id);
	return finish(c, &x, &b, NULL, e);
}
