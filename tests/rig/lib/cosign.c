#include "tests/rig/lib/cosign.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "tests/rig/lib/b64.h"

#define NAME "witness.rig"

void
cosign_line(struct buf *out, struct span text, uint64_t seconds, int bad)
{
	static const char secret[] = "rig witness";
	struct buf id = BUF_INIT, msg = BUF_INIT, blob = BUF_INIT;
	uint8_t h[32], pub[32], sig[64];
	size_t npub = sizeof(pub), nsig = sizeof(sig);
	EVP_PKEY *key;
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	SHA256((const unsigned char *)secret, strlen(secret), h);
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, h, 32);
	if (key == NULL || EVP_PKEY_get_raw_public_key(key, pub, &npub) != 1)
		abort();
	/* key id: SHA-256(name, newline, 0x04, public key) */
	buf_str(&id, NAME "\n\x04");
	buf_add(&id, pub, npub);
	SHA256(id.p, id.n, h);
	buf_fmt(&msg, "cosignature/v1\ntime %llu\n",
	    (unsigned long long)seconds);
	buf_span(&msg, text);
	if (EVP_DigestSignInit(c, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(c, sig, &nsig, msg.p, msg.n) != 1)
		abort();
	sig[5] ^= bad != 0;
	buf_add(&blob, h, 4);
	buf_u64(&blob, seconds);
	buf_add(&blob, sig, nsig);
	buf_str(out, "\xe2\x80\x94 " NAME " ");
	b64_put(out, blob.p, blob.n);
	buf_str(out, "\n");
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(key);
	buf_free(&id);
	buf_free(&msg);
	buf_free(&blob);
}
