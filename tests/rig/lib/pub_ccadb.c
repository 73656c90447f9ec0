#include <string.h>

#include <openssl/pem.h>
#include <openssl/sha.h>

#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/pub_ccadb.h"

/* A field in quotes, a comma in front of all but the first. */
static void
put_field(struct buf *line, const char *text)
{
	buf_str(line, line->n > 0 && line->p[line->n - 1] != '\n' ?
	    ",\"" : "\"");
	for (; *text != '\0'; text++) {
		if (*text == '"')
			buf_u8(line, '"');
		buf_u8(line, (uint8_t)*text);
	}
	buf_u8(line, '"');
}

static void
put_fields(struct buf *line, const char *const *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		put_field(line, v[i]);
	buf_u8(line, '\n');
}

static void
put_print(const struct pub *p, struct buf *hex)
{
	uint8_t h[32];
	char *c;

	SHA256(p->ca.cert.p, p->ca.cert.n, h);
	b64_hex(hex, h, sizeof(h));
	for (c = (char *)hex->p; *c != '\0'; c++)
		if (*c >= 'a')
			*c = (char)(*c - 32);
}

/* The shards, as a JSON array; "" when there are none. */
static void
put_shards(const struct pub *p, const char *base, struct buf *b)
{
	long k;

	for (k = 1; k <= p->shards; k++)
		buf_fmt(b, "%s\"%s/%s/crl/%ld.crl\"", k == 1 ? "[" : ", ",
		    base, p->name, k);
	if (p->shards > 0)
		buf_str(b, "]");
}

void
pub_ccadb_record(const struct pub *p, const char *where, struct buf *out)
{
	static const char *const names[] = {
		"CA Owner", "Certificate Name", "Certificate Record Type",
		"Revocation Status", "SHA-256 Fingerprint",
		"Subject Key Identifier", "Full CRL Issued By This CA",
		"JSON Array of Partitioned CRLs", "Apple Status",
		"Chrome Status", "Microsoft Status", "Mozilla Status"
	};
	struct buf print = BUF_INIT, ski = BUF_INIT, full = BUF_INIT,
	    shards = BUF_INIT, base = BUF_INIT;
	const char *v[12], *status;
	size_t i;

	if (p == NULL) {
		put_fields(out, names, 12);
		return;
	}
	if (p->base[0] != '\0')
		buf_str(&base, p->base);
	else
		buf_fmt(&base, "http://%s", where);
	put_print(p, &print);
	b64_put(&ski, p->ca.key_sha1, 20);
	if (p->shards == 0)
		buf_fmt(&full, "%s/%s/crl/full.crl", buf_text(&base), p->name);
	put_shards(p, buf_text(&base), &shards);
	status = strcmp(p->issuer, "root") == 0 ? "Included" :
	    "Provided by CA";
	v[0] = p->owner[0] != '\0' ? p->owner : p->name;
	v[1] = p->name;
	v[2] = strcmp(p->issuer, "root") == 0 ? "Root Certificate" :
	    "Intermediate Certificate";
	v[3] = "Not Revoked";
	v[4] = buf_text(&print);
	v[5] = buf_text(&ski);
	v[6] = buf_text(&full);
	v[7] = buf_text(&shards);
	for (i = 8; i < 12; i++)
		v[i] = status;
	put_fields(out, v, 12);
	buf_free(&print);
	buf_free(&ski);
	buf_free(&full);
	buf_free(&shards);
	buf_free(&base);
}

void
pub_ccadb_pem(const struct pub *p, struct buf *out)
{
	static const char *const names[] =
	    { "SHA-256 Fingerprint", "X.509 Certificate (PEM)" };
	struct buf print = BUF_INIT, pem = BUF_INIT;
	BIO *bio = BIO_new(BIO_s_mem());
	const char *v[2];
	char *text;
	long n;

	if (p == NULL)
		put_fields(out, names, 2);
	else {
		put_print(p, &print);
		if (bio == NULL || PEM_write_bio(bio, "CERTIFICATE", "",
		    p->ca.cert.p, (long)p->ca.cert.n) <= 0)
			abort();
		n = BIO_get_mem_data(bio, &text);
		buf_add(&pem, text, (size_t)n);
		v[0] = buf_text(&print);
		v[1] = buf_text(&pem);
		put_fields(out, v, 2);
	}
	BIO_free(bio);
	buf_free(&print);
	buf_free(&pem);
}
