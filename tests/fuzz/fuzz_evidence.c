#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "auditor/evidence.h"
#include "auditor/evidence_verify.h"
#include "base/enc.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/*
 * Evidence files of a stranger: as they are, and with the seal of the
 * fuzzer's own instance, behind which the statements are looked at.
 */

static void
set_b64(json_t *o, const char *key, const uint8_t *p, size_t n)
{
	struct buf	b = BUF_INIT;

	enc_b64(&b, p, n);
	json_object_set_new(o, key, json_string(buf_text(&b)));
	buf_free(&b);
}

static void
seal(json_t *o)
{
	static const uint8_t	 secret[32] = { 1 };
	static EVP_PKEY		*key;
	EVP_MD_CTX		*ctx = EVP_MD_CTX_new();
	uint8_t			 pub[32], sig[64];
	size_t			 npub = 32, nsig = 64;
	char			*text;

	if (key == NULL)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
		    secret, 32);
	if (ctx == NULL || key == NULL ||
	    EVP_PKEY_get_raw_public_key(key, pub, &npub) != 1)
		abort();
	set_b64(o, "instance_key", pub, 32);
	text = evidence_sealed(o);
	if (text != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL,
	    key) == 1 && EVP_DigestSign(ctx, sig, &nsig,
	    (const uint8_t *)text, strlen(text)) == 1)
		set_b64(o, "seal", sig, nsig);
	free(text);
	EVP_MD_CTX_free(ctx);
}

/* The first log is believed, so that its statements are checked. */
static void
first_key(const json_t *o, struct buf *out)
{
	const json_t	*k = json_object_get(json_array_get(json_object_get(
			    o, "logs"), 0), "key");

	if (!json_is_string(k) || enc_unb64(json_string_value(k),
	    json_string_length(k), out) == -1)
		buf_reset(out);
}

static void
verify(const void *p, size_t n, const struct evidence_keys *keys)
{
	struct span	 file = { p, n };
	json_t		*lines = NULL;

	(void)evidence_verify(file, keys, &lines);
	/* it says something of every file */
	if (json_array_size(lines) == 0)
		abort();
	json_decref(lines);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct evidence_keys	 keys;
	struct buf		 key = BUF_INIT;
	json_t			*o;
	char			*text;

	memset(&keys, 0, sizeof(keys));
	verify(p, n, &keys);
	o = json_loadb((const char *)p, n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(o)) {
		json_decref(o);
		return 0;
	}
	first_key(o, &key);
	keys.key = buf_bytes(&key);
	seal(o);
	text = json_dumps(o, JSON_COMPACT);
	if (text != NULL)
		verify(text, strlen(text), &keys);
	free(text);
	buf_free(&key);
	json_decref(o);
	return 0;
}
