#ifndef TESTS_CONFORMANCE_LOGLISTS_H
#define TESTS_CONFORMANCE_LOGLISTS_H

#include "tests/conformance/vectors.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/sha.h"
#include "ctlog/loglist.h"

/*
 * One log list out of all that are stored, and of the keys of test logs: what
 * comes first counts.  Made as JSON of the v3 form and read as such.
 */

static const char *const loglists_v3[] = {
	"loglist/google-v81.14/log_list.json",
	"loglist/google-v80.14/log_list.json",
	"loglist/appmattus-testdata/log_list.json",
	"loglist/appmattus-testdata/log_list_tiled_logs.json",
	"loglist/ct-go/loglist3.json",
};

/* Its layout is another: the operators' names are the keys. */
#define LOGLISTS_COMMUNITY "loglist/community-site/consolidated_log_list.json"

static const char *const loglists_pem[] = {
	"sct/google-ct-testdata/ct-server-key-public.pem",
	"sct/google-ct-testdata/rsa/ct-server-key-public-rsa.pem",
	"sct/google-ct-testdata/google-ct-pilot-server-key-public.pem",
	"sct/google-ct-testdata/google-ct-dev-server-key-public.pem",
};

static const char *const loglists_raw[] = {
	"sct/sct.rs/ecdsa-prime256v1-pub.raw",
	"sct/sct.rs/ecdsa-secp384r1-pub.raw",
	"sct/sct.rs/rsa-2048-pub.raw",
	"sct/sct.rs/rsa-3072-pub.raw",
	"sct/sct.rs/rsa-4096-pub.raw",
};

/* The SubjectPublicKeyInfo of a key as sct.rs stores it: the bare bits. */
static inline int
loglists_raw_key(const char *rel, struct buf *spki)
{
	static const char	p256[] =
	    "3059301306072a8648ce3d020106082a8648ce3d030107034200";
	static const char	p384[] =
	    "3076301006072a8648ce3d020106052b81040022036200";
	struct buf		raw = BUF_INIT;
	const uint8_t		*p;
	uint8_t			*der = NULL;
	EVP_PKEY		*key;
	int			 n = -1;

	buf_reset(spki);
	if (vec_read(rel, &raw) == -1)
		return -1;
	if (raw.p[0] == 4) {
		n = enc_unhex(raw.n == 65 ? p256 : p384, strlen(raw.n == 65 ?
		    p256 : p384), spki);
		buf_add(spki, raw.p, raw.n);
	} else {
		p = raw.p;
		key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)raw.n);
		n = i2d_PUBKEY(key, &der);
		if (n > 0)
			buf_add(spki, der, (size_t)n);
		OPENSSL_free(der);
		EVP_PKEY_free(key);
	}
	buf_free(&raw);
	return n == -1 ? -1 : 0;
}

/* A log of that key, usable, with an operator of its own. */
static inline void
loglists_key(json_t *ops, const char *name, const struct buf *spki)
{
	struct buf	key = BUF_INIT, id = BUF_INIT;
	uint8_t		h[32];

	sha_256(h, spki->p, spki->n);
	enc_b64(&key, spki->p, spki->n);
	enc_b64(&id, h, sizeof(h));
	(void)json_array_append_new(ops, json_pack("{s:s,s:[{s:s,s:s,s:s,"
	    "s:s,s:{s:{s:s}}}]}", "name", name, "logs", "description", name,
	    "key", buf_text(&key), "log_id", buf_text(&id), "url",
	    "https://ct.test.example/", "state", "usable", "timestamp",
	    "2013-01-01T00:00:00Z"));
	buf_free(&key);
	buf_free(&id);
}

/* All of them, loglist_free() it; NULL when none can be read. */
static inline struct loglist *
loglists_all(void)
{
	json_t		*ops = json_array(), *o, *v, *top;
	struct loglist	*out = NULL;
	struct buf	 spki = BUF_INIT;
	struct err	 e = ERR_INIT;
	const char	*name;
	char		*text;
	size_t		 i;

	for (i = 0; i < sizeof(loglists_v3) / sizeof(loglists_v3[0]); i++)
		if ((o = vec_json(loglists_v3[i])) != NULL) {
			(void)json_array_extend(ops, json_object_get(o,
			    "operators"));
			json_decref(o);
		}
	if ((o = vec_json(LOGLISTS_COMMUNITY)) != NULL) {
		json_object_foreach(o, name, v)
			(void)json_array_append_new(ops, json_pack(
			    "{s:s,s:O}", "name", name, "logs", v));
		json_decref(o);
	}
	for (i = 0; i < sizeof(loglists_pem) / sizeof(loglists_pem[0]); i++)
		if (vec_pem(loglists_pem[i], 0, &spki) == 0)
			loglists_key(ops, loglists_pem[i], &spki);
	for (i = 0; i < sizeof(loglists_raw) / sizeof(loglists_raw[0]); i++)
		if (loglists_raw_key(loglists_raw[i], &spki) == 0)
			loglists_key(ops, loglists_raw[i], &spki);
	top = json_pack("{s:s,s:s,s:o}", "version", "all",
	    "log_list_timestamp", "2026-01-20T00:00:00Z", "operators", ops);
	text = json_dumps(top, JSON_COMPACT);
	if (loglist_read(SPAN_STR(text), &out, &e) == -1)
		printf("log lists: %s\n", e.msg);
	free(text);
	json_decref(top);
	buf_free(&spki);
	return out;
}

#endif
