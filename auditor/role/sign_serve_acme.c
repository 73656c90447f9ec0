#include "auditor/role/sign_serve.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/role/sign.h"
#include "auditor/role/sign_acme.h"
#include "base/limit.h"
#include "base/mem.h"

static int
serve_account(struct sign_acme *a, const struct sign_request *r, char **v,
    struct buf *out, struct err *e)
{
	int make;

	make = r->type == SIGN_ACCOUNT_NEW;
	if (sign_texts(r->body, v, make ? 2 : 1) == -1 ||
	    cur_left(r->body) != 0)
		return sign_bad(e);
	return sign_acme_account(a, v[0], make ? v[1] : NULL, out, e);
}

static int
serve_cert(struct sign_acme *a, const struct sign_request *r, char **v,
    struct buf *out, struct err *e)
{
	uint8_t spki[32];
	int make, rc;

	make = r->type == SIGN_CERT_NEW;
	if (sign_texts(r->body, v, make ? 2 : 1) == -1 ||
	    cur_left(r->body) != 0)
		return sign_bad(e);
	rc = make ? sign_acme_cert(a, v[0], v[1], spki, e) :
	    sign_acme_import(a, v[0], r->fd, spki, e);
	if (rc == 0)
		buf_add(out, spki, sizeof(spki));
	return rc;
}

static int
serve_csr(struct sign_acme *a, const struct sign_request *r, char **v,
    struct buf *out, struct err *e)
{
	struct san names = SAN_INIT;
	char **list;
	size_t cap, i, n;
	int rc;

	if (sign_texts(r->body, v, 1) == -1)
		return sign_bad(e);
	list = NULL;
	cap = n = 0;
	rc = 0;
	while (rc == 0 && cur_left(r->body) != 0 && n <= LIMIT_SAN_NAMES) {
		list = mem_grow(list, &cap, n + 1, sizeof(*list));
		rc = sign_texts(r->body, list + n, 1);
		n += rc == 0;
	}
	if (rc == -1)
		sign_bad(e);
	else
		rc = san_of((const char *const *)list, n, &names, e);
	if (rc == 0)
		rc = sign_acme_csr(a, v[0], &names, out, e);
	san_free(&names);
	for (i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return rc;
}

static int
serve_ask(struct sign_acme *a, const struct sign_request *r, char **v,
    struct buf *out, struct err *e)
{
	struct sign_ask ask;
	struct cur payload, authority;
	uint8_t purpose, next;

	if (cur_u8(r->body, &purpose) == -1 || cur_u8(r->body, &next) == -1 ||
	    next > 1 || sign_texts(r->body, v, 6) == -1 ||
	    cur_vec32(r->body, &payload) == -1 ||
	    cur_vec32(r->body, &authority) == -1 || cur_left(r->body) != 0)
		return sign_bad(e);
	ask.purpose = (enum acme_purpose)purpose;
	ask.next = next;
	ask.account = v[0];
	ask.cert = v[1];
	ask.hosts = v[2];
	ask.url = v[3];
	ask.nonce = v[4];
	ask.kid = v[5];
	ask.payload = cur_rest(&payload);
	ask.authority = cur_rest(&authority);
	return sign_acme_ask(a, &ask, out, e);
}

static int
serve_bind(struct sign_acme *a, const struct sign_request *r, char **v,
    struct buf *out, struct err *e)
{
	struct sign_bind b;

	if (sign_texts(r->body, v, 6) == -1 || cur_left(r->body) != 0)
		return sign_bad(e);
	b.account = v[0];
	b.hosts = v[1];
	b.url = v[2];
	b.alg = v[3];
	b.kid = v[4];
	b.key = v[5];
	return sign_acme_bind(a, &b, out, e);
}

static int
serve_roll(struct sign_acme *a, const struct sign_request *r, char **v,
    struct buf *out, struct err *e)
{
	struct sign_roll roll;
	struct cur authority;

	if (sign_texts(r->body, v, 5) == -1 ||
	    cur_vec32(r->body, &authority) == -1 || cur_left(r->body) != 0)
		return sign_bad(e);
	roll.account = v[0];
	roll.kind = v[1];
	roll.hosts = v[2];
	roll.url = v[3];
	roll.kid = v[4];
	roll.authority = cur_rest(&authority);
	return sign_acme_roll(a, &roll, out, e);
}

static int
serve_rolled(struct sign_acme *a, const struct sign_request *r, char **v,
    struct err *e)
{
	struct cur authority;
	uint8_t commit;

	if (sign_texts(r->body, v, 1) == -1 ||
	    cur_u8(r->body, &commit) == -1 || commit > 1 ||
	    cur_vec32(r->body, &authority) == -1 || cur_left(r->body) != 0)
		return sign_bad(e);
	return sign_acme_rolled(a, v[0], commit, cur_rest(&authority), e);
}

static int
serve_deploy(struct sign_acme *a, const struct sign_request *r, char **v,
    struct err *e)
{
	struct sign_deploy d;

	if (sign_texts(r->body, v, 1) == -1 ||
	    cur_u32(r->body, &d.mode) == -1 ||
	    cur_u32(r->body, &d.uid) == -1 ||
	    cur_u32(r->body, &d.gid) == -1 || cur_left(r->body) != 0)
		return sign_bad(e);
	return sign_acme_deploy(a, v[0], r->fd, &d, e);
}

int
sign_serve_acme(struct sign_acme *a, const struct sign_request *r, char **v,
    struct buf *out, struct err *e)
{
	switch (r->type) {
	case SIGN_ACCOUNT_NEW:
	case SIGN_ACCOUNT_PUBLIC:
		return serve_account(a, r, v, out, e);
	case SIGN_CERT_NEW:
	case SIGN_CERT_IMPORT:
		return serve_cert(a, r, v, out, e);
	case SIGN_CERT_CSR:
		return serve_csr(a, r, v, out, e);
	case SIGN_ACME:
		return serve_ask(a, r, v, out, e);
	case SIGN_BIND:
		return serve_bind(a, r, v, out, e);
	case SIGN_ROLL:
		return serve_roll(a, r, v, out, e);
	case SIGN_ROLLED:
		return serve_rolled(a, r, v, e);
	case SIGN_CERT_DEPLOY:
		return serve_deploy(a, r, v, e);
	case SIGN_CERT_DROP:
		if (sign_texts(r->body, v, 1) == -1 || cur_left(r->body) != 0)
			return sign_bad(e);
		return sign_acme_drop(a, v[0], e);
	default:
		return sign_bad(e);
	}
}
