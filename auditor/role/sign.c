#include "auditor/role/sign.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/webhook.h"
#include "auditor/role/sign_acme.h"
#include "auditor/role/sign_key.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

#define CLOCK_SLACK	600	/* seconds a timestamp may be off */
#define STATEMENT	"certvigil.statement."

struct secret {
	char		*channel;
	struct buf	 key;
	struct buf	 old;
};

struct sign {
	EVP_PKEY	*key;
	struct sign_acme *acme;
	struct secret	*secrets;
	size_t		 n;
	size_t		 cap;
};

static void
wipe(struct buf *b)
{
	if (b->p != NULL)
		mem_wipe(b->p, b->n);
	buf_free(b);
}

struct sign *
sign_new(const char *state_dir, struct err *e)
{
	struct sign *s;
	EVP_PKEY *key;

	if ((key = sign_key_get(state_dir, e)) == NULL)
		return NULL;
	s = mem_zero(sizeof(*s));
	s->key = key;
	return s;
}

void
sign_free(struct sign *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->n; i++) {
		free(s->secrets[i].channel);
		wipe(&s->secrets[i].key);
		wipe(&s->secrets[i].old);
	}
	free(s->secrets);
	sign_acme_free(s->acme);
	EVP_PKEY_free(s->key);
	free(s);
}

void
sign_public(const struct sign *s, uint8_t out[32])
{
	size_t n;

	n = 32;
	if (EVP_PKEY_get_raw_public_key(s->key, out, &n) != 1 || n != 32)
		abort();
}

int
sign_open_keys(struct sign *s, const struct sign_setup *setup, struct err *e)
{
	s->acme = sign_acme_new(setup, e);
	return s->acme == NULL ? -1 : 0;
}

struct sign_acme *
sign_acme(const struct sign *s)
{
	return s->acme;
}

static struct secret *
find(const struct sign *s, const char *channel)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->secrets[i].channel, channel) == 0)
			return &s->secrets[i];
	return NULL;
}

int
sign_secret(struct sign *s, const char *channel, const char *secret,
    const char *old, struct err *e)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct secret *x;

	if (webhook_secret(secret, &a, e) == -1 ||
	    (old != NULL && old[0] != '\0' &&
	    webhook_secret(old, &b, e) == -1)) {
		wipe(&a);
		return err_prefix(e, "channel %s", channel);
	}
	x = find(s, channel);
	if (x == NULL && s->n >= LIMIT_SIGN_CHANNELS) {
		wipe(&a);
		wipe(&b);
		return err_set(e, ERR_LIMIT, "more than %d channels with a "
		    "secret", LIMIT_SIGN_CHANNELS);
	}
	if (x == NULL) {
		s->secrets = mem_grow(s->secrets, &s->cap, s->n + 1,
		    sizeof(*s->secrets));
		x = &s->secrets[s->n++];
		memset(x, 0, sizeof(*x));
		x->channel = mem_str(channel);
	}
	wipe(&x->key);
	wipe(&x->old);
	x->key = a;
	x->old = b;
	return 0;
}

/* {"type": string, "timestamp": string, "data": object}, nothing else. */
static int
check_body(struct span body, struct err *e)
{
	json_t *o;
	int ok;

	o = json_loadb((const char *)body.p, body.n, JSON_REJECT_DUPLICATES,
	    NULL);
	ok = json_object_size(o) == 3 &&
	    json_is_string(json_object_get(o, "type")) &&
	    json_is_string(json_object_get(o, "timestamp")) &&
	    json_is_object(json_object_get(o, "data"));
	json_decref(o);
	if (!ok)
		return err_set(e, ERR_VERIFY, "not signed: the body is no "
		    "object of type, timestamp and data");
	return 0;
}

int
sign_webhook(const struct sign *s, const char *channel, const char *id,
    int64_t timestamp, struct span body, struct buf *out, struct err *e)
{
	const struct secret *x;
	int64_t now;

	if ((x = find(s, channel)) == NULL)
		return err_set(e, ERR_NOENT, "no secret for channel %s",
		    channel);
	if (!webhook_is_uuid(id))
		return err_set(e, ERR_VERIFY, "not signed: the webhook-id is "
		    "no uuid");
	now = clk_wall() / CLK_SEC;
	if (timestamp < now - CLOCK_SLACK || timestamp > now + CLOCK_SLACK)
		return err_set(e, ERR_VERIFY, "not signed: timestamp %lld is "
		    "not within %d s of the clock", (long long)timestamp,
		    CLOCK_SLACK);
	if (body.n > LIMIT_SIGN_BODY)
		return err_set(e, ERR_LIMIT, "not signed: more than %u bytes",
		    LIMIT_SIGN_BODY);
	if (check_body(body, e) == -1)
		return -1;
	webhook_sign(buf_bytes(&x->key), id, timestamp, body, out);
	if (x->old.n > 0) {
		buf_str(out, " ");
		webhook_sign(buf_bytes(&x->old), id, timestamp, body, out);
	}
	return 0;
}

int
sign_statement(const struct sign *s, struct span json, struct buf *out,
    struct err *e)
{
	const char *type;
	EVP_MD_CTX *ctx;
	json_t *o;
	uint8_t sig[64];
	size_t n;
	int ok;

	if (json.n > LIMIT_SIGN_BODY)
		return err_set(e, ERR_LIMIT, "not signed: more than %u bytes",
		    LIMIT_SIGN_BODY);
	o = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES,
	    NULL);
	type = json_string_value(json_object_get(o, "type"));
	ok = type != NULL && strncmp(type, STATEMENT, strlen(STATEMENT)) == 0;
	json_decref(o);
	if (!ok)
		return err_set(e, ERR_VERIFY, "not signed: no JSON object "
		    "whose type starts with \"" STATEMENT "\"");
	n = sizeof(sig);
	ctx = EVP_MD_CTX_new();
	ok = ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, s->key) == 1 &&
	    EVP_DigestSign(ctx, sig, &n, json.p, json.n) == 1 && n == 64;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return err_set(e, ERR_VERIFY, "the instance key cannot sign");
	buf_add(out, sig, sizeof(sig));
	return 0;
}
