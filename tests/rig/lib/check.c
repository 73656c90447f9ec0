#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/check.h"
#include "tests/rig/lib/file.h"

enum { SECRET_MIN = 24, SECRET_MAX = 64, SLACK_SECTION = 3000,
	SLACK_BLOCKS = 50, PD_DEDUP = 255, PD_SUMMARY = 1024, PD_KEY = 32 };

int
check_secret(struct check_opts *o, const char *path, struct err *e)
{
	struct buf text = BUF_INIT, *out = &o->secrets[o->nsecrets];
	int rc = -1;

	if (o->nsecrets == 8)
		return err_set(e, ERR_USAGE, "at most 8 secrets");
	if (file_read(path, &text, e) == -1)
		goto out;
	while (text.n > 0 && isspace(text.p[text.n - 1]))
		text.p[--text.n] = '\0';
	if (strncmp(buf_text(&text), "whsec_", 6) != 0 ||
	    b64_get(out, buf_text(&text) + 6) == -1 ||
	    out->n < SECRET_MIN || out->n > SECRET_MAX) {
		err_set(e, ERR_CONF, "%s: must be whsec_ and the base64 of 24 "
		    "to 64 bytes", path);
		goto out;
	}
	o->nsecrets++;
	rc = 0;
out:
	buf_free(&text);
	return rc;
}

/* Is one of the "v1,BASE64" the HMAC of the signed text by one secret? */
static int
any_signature(const struct check_opts *o, const char *list,
    const struct buf *text)
{
	char *copy = mem_str(list), *save = NULL, *word;
	struct buf sig = BUF_INIT;
	uint8_t mac[32];
	unsigned n;
	size_t i;
	int ok = 0;

	for (word = strtok_r(copy, " ", &save); word != NULL && !ok;
	    word = strtok_r(NULL, " ", &save)) {
		buf_reset(&sig);
		if (strncmp(word, "v1,", 3) != 0 ||
		    b64_get(&sig, word + 3) == -1 || sig.n != sizeof(mac))
			continue;
		for (i = 0; i < o->nsecrets && !ok; i++)
			ok = HMAC(EVP_sha256(), o->secrets[i].p,
			    (int)o->secrets[i].n, text->p, text->n, mac,
			    &n) != NULL &&
			    CRYPTO_memcmp(mac, sig.p, sizeof(mac)) == 0;
	}
	free(copy);
	buf_free(&sig);
	return ok;
}

/* {"type", "timestamp", "data"}; type is dotted [a-zA-Z0-9_]. */
static const char *
webhook_body(const struct web_req *r)
{
	json_t *js = json_loadb(buf_text(&r->body), r->body.n, 0, NULL);
	const char *why = NULL, *type;

	type = json_string_value(json_object_get(js, "type"));
	if (js == NULL)
		why = "the body is no JSON";
	else if (type == NULL || *type == '\0' || type[strspn(type,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."
	    )] != '\0')
		why = "type must be dotted words of [a-zA-Z0-9_]";
	else if (!json_is_string(json_object_get(js, "timestamp")))
		why = "timestamp is missing";
	else if (!json_is_object(json_object_get(js, "data")))
		why = "data is missing";
	json_decref(js);
	return why;
}

const char *
check_webhook(const struct check_opts *o, const struct web_req *r)
{
	char *id = web_header(r, "webhook-id");
	char *ts = web_header(r, "webhook-timestamp");
	char *sig = web_header(r, "webhook-signature");
	struct buf text = BUF_INIT;
	const char *why = NULL;
	char *end;
	long t;

	if (id == NULL || ts == NULL || sig == NULL || *id == '\0') {
		why = "webhook-id, -timestamp or -signature is missing";
		goto out;
	}
	t = strtol(ts, &end, 10);
	if (*ts == '\0' || *end != '\0')
		why = "webhook-timestamp is no number";
	else if (labs(t - (long)time(NULL)) > o->tolerance)
		why = "webhook-timestamp is out of tolerance";
	else if (strchr(id, '.') != NULL)
		why = "webhook-id contains a dot";
	if (why != NULL)
		goto out;
	buf_fmt(&text, "%s.%s.", id, ts);
	buf_add(&text, r->body.p, r->body.n);
	if (!any_signature(o, sig, &text))
		why = "no signature fits";
	else
		why = webhook_body(r);
out:
	free(id);
	free(ts);
	free(sig);
	buf_free(&text);
	return why;
}

/* UTF-8 characters of a text. */
static size_t
characters(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static const char *
slack_text(const char *s)
{
	if (strstr(s, "<!") != NULL || strstr(s, "<@") != NULL ||
	    strstr(s, "<#") != NULL)
		return "a mention is not escaped";
	return NULL;
}

/* Every text anywhere in a block. */
static const char *
slack_walk(json_t *v)
{
	const char *key, *why = NULL;
	json_t *in;
	size_t i;

	if (json_is_string(v))
		return slack_text(json_string_value(v));
	if (json_is_object(v)) {
		json_object_foreach(v, key, in)
			if (why == NULL)
				why = slack_walk(in);
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, in)
			if (why == NULL)
				why = slack_walk(in);
	}
	return why;
}

static const char *
slack_blocks(json_t *blocks)
{
	const char *text, *why = NULL;
	json_t *b;
	size_t i;

	if (!json_is_array(blocks) || json_array_size(blocks) > SLACK_BLOCKS)
		return "blocks must be an array of at most 50";
	json_array_foreach(blocks, i, b) {
		if (!json_is_string(json_object_get(b, "type")))
			return "a block has no type";
		text = json_string_value(json_object_get(
		    json_object_get(b, "text"), "text"));
		if (text != NULL && characters(text) > SLACK_SECTION)
			return "a section is longer than 3000 characters";
		if (text != NULL && *text == '\0')
			return "a section is empty";
	}
	why = slack_walk(blocks);
	return why;
}

const char *
check_slack(const struct web_req *r)
{
	json_t *js = json_loadb(buf_text(&r->body), r->body.n, 0, NULL);
	json_t *text = json_object_get(js, "text");
	json_t *blocks = json_object_get(js, "blocks");
	const char *why = NULL;

	if (js == NULL)
		why = "invalid_payload: the body is no JSON";
	else if (text == NULL && blocks == NULL)
		why = "no_text: neither text nor blocks";
	else if (text != NULL && !json_is_string(text))
		why = "invalid_payload: text is no string";
	else if (text != NULL)
		why = slack_text(json_string_value(text));
	if (why == NULL && blocks != NULL)
		why = slack_blocks(blocks);
	json_decref(js);
	return why;
}

static int
one_of(const char *s, const char *const *list)
{
	for (; s != NULL && *list != NULL; list++)
		if (strcmp(s, *list) == 0)
			return 1;
	return 0;
}

static const char *
text_of(json_t *js, const char *key)
{
	return json_string_value(json_object_get(js, key));
}

const char *
check_pagerduty(const struct web_req *r)
{
	static const char *const actions[] =
	    { "trigger", "acknowledge", "resolve", NULL };
	static const char *const severities[] =
	    { "critical", "error", "warning", "info", NULL };
	json_t *js = json_loadb(buf_text(&r->body), r->body.n, 0, NULL);
	json_t *p = json_object_get(js, "payload");
	const char *action = text_of(js, "event_action"), *why = NULL;
	const char *dedup = text_of(js, "dedup_key");
	const char *key = text_of(js, "routing_key");

	if (js == NULL)
		why = "the body is no JSON";
	else if (key == NULL || strlen(key) != PD_KEY)
		why = "routing_key must be 32 characters";
	else if (!one_of(action, actions))
		why = "event_action must be trigger, acknowledge or resolve";
	else if (dedup != NULL && strlen(dedup) > PD_DEDUP)
		why = "dedup_key is longer than 255";
	else if (strcmp(action, "trigger") != 0)
		why = dedup == NULL ? "dedup_key is missing" : NULL;
	else if (text_of(p, "summary") == NULL ||
	    characters(text_of(p, "summary")) > PD_SUMMARY)
		why = "payload.summary must be at most 1024 characters";
	else if (text_of(p, "source") == NULL)
		why = "payload.source is missing";
	else if (!one_of(text_of(p, "severity"), severities))
		why = "payload.severity must be critical, error, warning, "
		    "info";
	json_decref(js);
	return why;
}
