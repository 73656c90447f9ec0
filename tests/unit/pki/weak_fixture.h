#ifndef TESTS_UNIT_PKI_WEAK_FIXTURE_H
#define TESTS_UNIT_PKI_WEAK_FIXTURE_H

/* RSA keys that are as they should be, and made to be wrong. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/der.h"
#include "pki/weak.h"

static BN_CTX	*ctx;

static inline void
put_int(struct buf *b, const BIGNUM *v)
{
	int	n = BN_num_bytes(v);

	der_put(b, DER_INT, (size_t)n + 1);
	buf_u8(b, 0);
	(void)BN_bn2bin(v, buf_room(b, (size_t)n));
	b->n += (size_t)n;
}

/* A SubjectPublicKeyInfo of an RSA key. */
static inline void
rsa_spki(const BIGNUM *n, const BIGNUM *e, struct buf *out)
{
	struct buf	k = BUF_INIT, q = BUF_INIT;

	put_int(&k, n);
	put_int(&k, e);
	der_put(&q, DER_SEQ, k.n);
	buf_span(&q, buf_bytes(&k));
	buf_reset(&k);
	buf_add(&k, "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05"
	    "\x00", 15);
	der_put(&k, DER_BITS, q.n + 1);
	buf_u8(&k, 0);
	buf_span(&k, buf_bytes(&q));
	buf_reset(out);
	der_put(out, DER_SEQ, k.n);
	buf_span(out, buf_bytes(&k));
	buf_free(&k);
	buf_free(&q);
}

static inline void
spki_of(EVP_PKEY *key, struct buf *out)
{
	uint8_t	*der = NULL;
	int	 n = i2d_PUBKEY(key, &der);

	assert_true(n > 0);
	buf_reset(out);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
}

#endif
