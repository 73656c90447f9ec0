#include "ocsp/certid.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/der.h"

#define OID_SHA1	"\x2b\x0e\x03\x02\x1a"
#define OID_SHA256	"\x60\x86\x48\x01\x65\x03\x04\x02\x01"
#define OID_SHA384	"\x60\x86\x48\x01\x65\x03\x04\x02\x02"
#define OID_SHA512	"\x60\x86\x48\x01\x65\x03\x04\x02\x03"

int
certid_ca(struct span cert, struct certid_ca *out, struct err *e)
{
	struct span	tbs, body;
	struct der_tbs	t;
	struct cur	c;
	struct der	alg, key;

	memset(out, 0, sizeof(*out));
	if (der_cert(cert, &tbs, NULL, NULL, e) == -1 ||
	    der_tbs(tbs, &t, e) == -1)
		return -1;
	if (der_only(t.spki, DER_SEQ, &body) == -1)
		goto bad;
	c = cur_span(body);
	if (der_want(&c, DER_SEQ, &alg) == -1 ||
	    der_want(&c, DER_BITS, &key) == -1 || cur_left(&c) != 0 ||
	    key.body.n < 1 || key.body.p[0] != 0)
		goto bad;
	out->cert = cert;
	out->subject = t.subject;
	out->spki = t.spki;
	out->key.p = key.body.p + 1;
	out->key.n = key.body.n - 1;
	return 0;
bad:
	return err_set(e, ERR_FORMAT, "certificate: the subject public key "
	    "cannot be read (RFC 5280, 4.1.2.7)");
}

static int
digest(const EVP_MD *md, struct span in, uint8_t out[EVP_MAX_MD_SIZE],
    size_t *n)
{
	unsigned	len;

	if (EVP_Digest(in.p, in.n, out, &len, md, NULL) != 1)
		return -1;
	*n = len;
	return 0;
}

int
certid_key_hash(const struct certid_ca *ca, uint8_t out[20])
{
	uint8_t	md[EVP_MAX_MD_SIZE];
	size_t	n;

	if (digest(EVP_sha1(), ca->key, md, &n) == -1)
		return -1;
	memcpy(out, md, 20);
	return 0;
}

/* The two's complement of what stands in p[0..n), in place. */
static void
negate(uint8_t *p, size_t n)
{
	unsigned	carry = 1;

	while (n-- > 0) {
		carry += (uint8_t)~p[n];
		p[n] = (uint8_t)carry;
		carry >>= 8;
	}
}

int
certid_serial(const char *hex, struct buf *out, struct err *e)
{
	uint8_t		 v[LIMIT_SERIAL + 1] = { 0 };
	const char	*p = hex;
	char		 pair[3] = "0";
	size_t		 n = 0, len;
	int		 minus = hex[0] == '-';

	for (p += minus; *p == '0'; p++)
		;
	len = strlen(p);
	if (hex[minus] == '\0' || len > 2 * LIMIT_SERIAL)
		goto bad;
	/* v[0] stays 0, for the sign. */
	if (len % 2 != 0) {
		pair[1] = *p;
		if (enc_unhex_to(v + ++n, 1, pair) == -1)
			goto bad;
		p++;
	}
	if (enc_unhex_to(v + 1 + n, len / 2, p) == -1)
		goto bad;
	n += len / 2;
	if (minus)
		negate(v, n + 1);
	/* The shortest form: no byte in front that only repeats the sign. */
	len = 0;
	while (len < n && v[len] == (v[len + 1] & 0x80 ? 0xff : 0))
		len++;
	buf_add(out, v + len, n + 1 - len);
	return 0;
bad:
	return err_set(e, ERR_FORMAT, "the serial number is no hex of at most "
	    "%u bytes", LIMIT_SERIAL);
}

int
certid_serial_text(struct span v, char *out)
{
	uint8_t	b[LIMIT_SERIAL];
	size_t	i = 0;
	int	minus = v.n != 0 && (v.p[0] & 0x80) != 0;

	while (v.n > 1 && v.p[0] == 0) {
		v.p++;
		v.n--;
	}
	if (v.n == 0 || v.n > sizeof(b))
		return -1;
	memcpy(b, v.p, v.n);
	if (minus) {
		negate(b, v.n);
		while (i + 1 < v.n && b[i] == 0)
			i++;
		*out++ = '-';
	}
	enc_hex_to(out, b + i, v.n - i);
	return 0;
}

int
certid_put(const struct certid_ca *ca, enum ocsp_hash hash,
    struct span serial, struct buf *out)
{
	const EVP_MD	*md = hash == OCSP_SHA1 ? EVP_sha1() : EVP_sha256();
	struct span	 oid = { (const uint8_t *)OID_SHA1,
	    sizeof(OID_SHA1) - 1 };
	uint8_t		 name[EVP_MAX_MD_SIZE], key[EVP_MAX_MD_SIZE];
	size_t		 n, k;

	if (hash == OCSP_SHA256) {
		oid.p = (const uint8_t *)OID_SHA256;
		oid.n = sizeof(OID_SHA256) - 1;
	}
	if (digest(md, ca->subject, name, &n) == -1 ||
	    digest(md, ca->key, key, &k) == -1 || serial.n > LIMIT_SERIAL + 1)
		return -1;
	/* All lengths are below 128 and take one byte. */
	der_put(out, DER_SEQ, 6 + oid.n + 2 + n + 2 + k + 2 + serial.n);
	der_put(out, DER_SEQ, 4 + oid.n);
	der_put(out, DER_OID, oid.n);
	buf_span(out, oid);
	der_put(out, DER_NULL, 0);
	der_put(out, DER_OCTETS, n);
	buf_add(out, name, n);
	der_put(out, DER_OCTETS, k);
	buf_add(out, key, k);
	der_put(out, DER_INT, serial.n);
	buf_span(out, serial);
	return 0;
}

int
certid_read(struct span body, struct certid *out)
{
	struct cur	c = cur_span(body), in;
	struct der	alg, oid, name, key, serial, null;

	if (der_next_strict(&c, &alg) == -1 || alg.tag != DER_SEQ ||
	    der_next_strict(&c, &name) == -1 || name.tag != DER_OCTETS ||
	    der_next_strict(&c, &key) == -1 || key.tag != DER_OCTETS ||
	    der_next_strict(&c, &serial) == -1 || serial.tag != DER_INT ||
	    serial.body.n == 0 || cur_left(&c) != 0)
		return -1;
	in = cur_span(alg.body);
	if (der_next_strict(&in, &oid) == -1 || oid.tag != DER_OID)
		return -1;
	/* Parameters are NULL or absent (RFC 4055, 2.1). */
	if (cur_left(&in) != 0 && (der_next_strict(&in, &null) == -1 ||
	    null.tag != DER_NULL || null.body.n != 0 || cur_left(&in) != 0))
		return -1;
	out->hash = oid.body;
	out->name = name.body;
	out->key = key.body;
	out->serial = serial.body;
	return 0;
}

static const EVP_MD *
md_of(struct span oid)
{
	if (oid.n == sizeof(OID_SHA1) - 1 &&
	    memcmp(oid.p, OID_SHA1, oid.n) == 0)
		return EVP_sha1();
	if (oid.n != sizeof(OID_SHA256) - 1)
		return NULL;
	if (memcmp(oid.p, OID_SHA256, oid.n) == 0)
		return EVP_sha256();
	if (memcmp(oid.p, OID_SHA384, oid.n) == 0)
		return EVP_sha384();
	if (memcmp(oid.p, OID_SHA512, oid.n) == 0)
		return EVP_sha512();
	return NULL;
}

/*
 * The shortest form: some certificates carry a serial number that is not in
 * it, and the text of one does not tell.  The sign stays: 80 is -128.
 */
static struct span
bare(struct span v)
{
	while (v.n > 1 && v.p[0] == ((v.p[1] & 0x80) != 0 ? 0xff : 0)) {
		v.p++;
		v.n--;
	}
	return v;
}

static int
hash_is(const EVP_MD *md, struct span in, struct span want)
{
	uint8_t	v[EVP_MAX_MD_SIZE];
	size_t	n;

	return digest(md, in, v, &n) == 0 && n == want.n &&
	    memcmp(v, want.p, n) == 0;
}

enum certid_is
certid_is(const struct certid *id, const struct certid_ca *ca,
    struct span serial)
{
	const EVP_MD	*md = md_of(id->hash);
	struct span	 a = bare(id->serial), b = bare(serial);

	if (a.n != b.n || memcmp(a.p, b.p, a.n) != 0)
		return CERTID_OTHER;
	return md != NULL && hash_is(md, ca->subject, id->name) &&
	    hash_is(md, ca->key, id->key) ? CERTID_SAME : CERTID_SERIAL;
}
