#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/der.h"
#include "tests/rig/lib/exts.h"
#include "tests/rig/lib/mint.h"

#define OID_OCSP DER_OID_OF("\x2b\6\1\5\5\7\x30\1")
#define OID_ISSUERS DER_OID_OF("\x2b\6\1\5\5\7\x30\2")

/* The names of a request, when none were given by hand. */
static int
csr_san(X509_REQ *csr, struct buf *san)
{
	STACK_OF(X509_EXTENSION) *exts;
	ASN1_OCTET_STRING *v;
	int i;

	if (csr == NULL)
		return -1;
	exts = X509_REQ_get_extensions(csr);
	i = X509v3_get_ext_by_NID(exts, NID_subject_alt_name, -1);
	if (i >= 0) {
		v = X509_EXTENSION_get_data(X509v3_get_ext(exts, i));
		buf_add(san, ASN1_STRING_get0_data(v),
		    (size_t)ASN1_STRING_length(v));
	}
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	return i >= 0 ? 0 : -1;
}

/* So many names more, below the first. */
static void
put_many(const struct issue_opts *o, struct buf *names)
{
	char *text;
	long i;

	for (i = 0; i < o->sans && o->names.n > 0; i++) {
		text = mem_printf("s%ld.%s", i, o->names.v[0]);
		der_put(names, 0x82, text, strlen(text));
		free(text);
	}
}

static int
put_raw(const struct issue_list *raw, struct buf *names, struct err *e)
{
	struct buf b = BUF_INIT;
	size_t i;
	int rc = 0;

	for (i = 0; i < raw->n && rc == 0; i++) {
		buf_reset(&b);
		if (b64_unhex(&b, raw->v[i]) == -1)
			rc = err_set(e, ERR_USAGE, "--raw-san %s: no hex",
			    raw->v[i]);
		der_wrap(names, 0x82, &b);
	}
	buf_free(&b);
	return rc;
}

static int
put_ips(const struct issue_list *ips, struct buf *names, struct err *e)
{
	uint8_t ip[16];
	size_t i;

	for (i = 0; i < ips->n; i++)
		if (inet_pton(AF_INET, ips->v[i], ip) == 1)
			der_put(names, 0x87, ip, 4);
		else if (inet_pton(AF_INET6, ips->v[i], ip) == 1)
			der_put(names, 0x87, ip, 16);
		else
			return err_set(e, ERR_USAGE, "--ip %s: no address",
			    ips->v[i]);
	return 0;
}

int
exts_san(const struct issue_opts *o, X509_REQ *csr, struct buf *san,
    struct err *e)
{
	struct buf names = BUF_INIT;
	size_t i;
	int rc;

	if (o->names.n + o->ips.n + o->raw.n == 0) {
		if (!o->no_san && csr_san(csr, san) == -1)
			return err_set(e, ERR_USAGE, "issue: needs --name");
		return 0;
	}
	for (i = 0; i < o->names.n; i++)
		der_put(&names, 0x82, o->names.v[i], strlen(o->names.v[i]));
	put_many(o, &names);
	rc = put_raw(&o->raw, &names, e);
	if (rc == 0)
		rc = put_ips(&o->ips, &names, e);
	der_wrap(san, DER_SEQ, &names);
	if (o->malformed)		/* the length says less than there is */
		san->p[1] ^= 1;
	buf_free(&names);
	return rc;
}

/* The remainder of a serial in hex. */
static long
modulo(const char *serial, long n)
{
	long rest = 0;

	for (; *serial != '\0'; serial++)
		rest = (rest * 16 + (*serial <= '9' ? *serial - '0' :
		    (*serial | 0x20) - 'a' + 10)) % n;
	return rest;
}

/* A URI as GeneralName, with its shard filled in. */
static void
put_uri(struct buf *b, const char *url, const struct exts_urls *u)
{
	const char *mark = strstr(url, "{shard}");
	char *text;

	if (mark == NULL || u->shards < 1 || u->serial == NULL)
		text = mem_str(url);
	else
		text = mem_printf("%.*s%ld%s", (int)(mark - url), url,
		    modulo(u->serial, u->shards) + 1, mark + 7);
	der_put(b, 0x86, text, strlen(text));
	free(text);
}

static void
add_crls(X509 *x, const struct exts_urls *u)
{
	struct buf b = BUF_INIT;
	size_t i, at;

	for (i = 0; i < u->crl->n; i++) {
		at = b.n;
		put_uri(&b, u->crl->v[i], u);
		der_around(&b, at, 0xa0);	/* fullName */
		der_around(&b, at, 0xa0);	/* distributionPoint */
		der_around(&b, at, DER_SEQ);
	}
	der_around(&b, 0, DER_SEQ);
	mint_raw(x, "2.5.29.31", 0, buf_bytes(&b));
	buf_free(&b);
}

static void
put_access(struct buf *b, const struct issue_list *l, struct span oid,
    const struct exts_urls *u)
{
	size_t i, at;

	for (i = 0; l != NULL && i < l->n; i++) {
		at = b->n;
		der_put(b, DER_OID, oid.p, oid.n);
		put_uri(b, l->v[i], u);
		der_around(b, at, DER_SEQ);
	}
}

void
exts_pointers(X509 *x, const struct exts_urls *u)
{
	struct buf b = BUF_INIT;

	if (u->crl != NULL && u->crl->n > 0)
		add_crls(x, u);
	put_access(&b, u->ocsp, OID_OCSP, u);
	put_access(&b, u->aia, OID_ISSUERS, u);
	if (b.n > 0) {
		der_around(&b, 0, DER_SEQ);
		mint_raw(x, "1.3.6.1.5.5.7.1.1", 0, buf_bytes(&b));
	}
	buf_free(&b);
}
