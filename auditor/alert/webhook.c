#include "auditor/alert/webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"

#define SECRET_MIN	24
#define SECRET_MAX	64

void
webhook_type(const struct message *m, char *out, size_t cap)
{
	if (strcmp(m->purpose, "finding") == 0)
		snprintf(out, cap, "finding.%s", m->event);
	else if (strcmp(m->purpose, "test") == 0)
		snprintf(out, cap, "test.ping");
	else if (strcmp(m->purpose, "digest") == 0)
		snprintf(out, cap, "digest.daily");
	else if (strcmp(m->purpose, "audit") == 0)
		snprintf(out, cap, "audit.report");
	else
		snprintf(out, cap, "notice");
}

/* Leave ${max} names of each list in the details; count the others. */
static void
cut_names(json_t *finding, size_t max)
{
	json_t *detail, *names;
	size_t n;
	json_int_t more;

	detail = json_object_get(finding, "detail");
	names = json_object_get(detail, "names");
	n = json_array_size(names);
	if (n <= max)
		return;
	more = json_integer_value(json_object_get(detail, "names_more"));
	if (json_object_get(detail, "names_count") == NULL)
		json_object_set_new(detail, "names_count",
		    json_integer((json_int_t)n));
	json_object_set_new(detail, "names_more",
	    json_integer(more + (json_int_t)(n - max)));
	while (json_array_size(names) > max)
		json_array_remove(names, json_array_size(names) - 1);
}

static char *
dump(const struct message *m, json_t *findings, size_t more)
{
	json_t *o, *data;
	char type[64], when[CLK_TEXT], *text;

	webhook_type(m, type, sizeof(type));
	data = m->data == NULL ? json_object() : json_copy(m->data);
	if (strcmp(m->purpose, "finding") == 0) {
		json_object_set_new(data, "event", json_string(m->event));
		json_object_set(data, "findings", findings);
		json_object_set_new(data, "more",
		    json_integer((json_int_t)more));
	}
	o = json_pack("{s:s, s:s, s:o}", "type", type, "timestamp",
	    clk_text(m->at, when), "data", data);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text == NULL)
		abort();
	return text;
}

void
webhook_body(const struct message *m, struct buf *out)
{
	static const size_t names[] = { LIMIT_MESSAGE_NAMES, 5, 1 };
	json_t *findings;
	size_t i, k, more;
	char *text;

	findings = m->findings == NULL ? json_array() :
	    json_deep_copy(m->findings);
	more = m->more;
	text = dump(m, findings, more);
	for (k = 0; strlen(text) >= LIMIT_WEBHOOK_BODY &&
	    k < sizeof(names) / sizeof(names[0]); k++) {
		for (i = 0; i < json_array_size(findings); i++)
			cut_names(json_array_get(findings, i), names[k]);
		free(text);
		text = dump(m, findings, more);
	}
	while (strlen(text) >= LIMIT_WEBHOOK_BODY &&
	    json_array_size(findings) > 1) {
		json_array_remove(findings, json_array_size(findings) - 1);
		more++;
		free(text);
		text = dump(m, findings, more);
	}
	if (strlen(text) >= LIMIT_WEBHOOK_BODY) {
		json_object_set_new(json_array_get(findings, 0), "detail",
		    json_pack("{s:b}", "left_out", 1));
		free(text);
		text = dump(m, findings, more);
	}
	buf_str(out, text);
	free(text);
	json_decref(findings);
}

void
webhook_headers(struct message_req *r, const char *id, int64_t now,
    const char *signatures)
{
	message_header(r, "Content-Type: application/json");
	message_header(r, "webhook-id: %s", id);
	message_header(r, "webhook-timestamp: %lld", (long long)now);
	message_header(r, "webhook-signature: %s", signatures);
	message_header(r, "Idempotency-Key: %s", id);
}

int
webhook_secret(const char *text, struct buf *out, struct err *e)
{
	size_t from;

	from = out->n;
	if (strncmp(text, "whsec_", 6) != 0)
		return err_set(e, ERR_CONF, "a webhook secret is \"whsec_\" "
		    "and base64 of %d to %d bytes; this does not start with "
		    "\"whsec_\"", SECRET_MIN, SECRET_MAX);
	if (enc_unb64(text + 6, strlen(text + 6), out) == -1)
		return err_set(e, ERR_CONF, "a webhook secret is \"whsec_\" "
		    "and padded base64 (RFC 4648, 4); this is not base64");
	if (out->n - from < SECRET_MIN || out->n - from > SECRET_MAX) {
		err_set(e, ERR_CONF, "a webhook secret has %d to %d bytes; "
		    "this has %zu", SECRET_MIN, SECRET_MAX, out->n - from);
		mem_wipe(out->p + from, out->n - from);
		out->n = from;
		return -1;
	}
	return 0;
}

void
webhook_sign(struct span key, const char *id, int64_t timestamp,
    struct span body, struct buf *out)
{
	struct buf b = BUF_INIT;
	uint8_t mac[SHA_LEN];

	buf_fmt(&b, "%s.%lld.", id, (long long)timestamp);
	buf_span(&b, body);
	sha_hmac(mac, key.p, key.n, b.p, b.n);
	buf_str(out, "v1,");
	enc_b64(out, mac, sizeof(mac));
	buf_free(&b);
}

int
webhook_is_uuid(const char *s)
{
	size_t i;

	for (i = 0; i < 36; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s[i] != '-')
				return 0;
		} else if (!((s[i] >= '0' && s[i] <= '9') ||
		    (s[i] >= 'a' && s[i] <= 'f')))
			return 0;
	}
	return s[36] == '\0';
}
