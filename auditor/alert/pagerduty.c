#include "auditor/alert/pagerduty.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"

#define SUMMARY	1024	/* characters of payload.summary, PagerDuty's limit */

static const char *
action(const struct message *m)
{
	if (strcmp(m->purpose, "finding") != 0)
		return "trigger";
	if (strcmp(m->event, "resolved") == 0 ||
	    strcmp(m->event, "retracted") == 0)
		return "resolve";
	if (strcmp(m->event, "acked") == 0)
		return "acknowledge";
	return "trigger";
}

/* PagerDuty has critical, error, warning, info. */
static const char *
severity(const char *s)
{
	if (strcmp(s, "critical") == 0)
		return "critical";
	if (strcmp(s, "high") == 0)
		return "error";
	if (strcmp(s, "medium") == 0)
		return "warning";
	return "info";
}

static void
dedup_key(const struct message *m, const json_t *f, char out[65])
{
	const char *key;
	uint8_t h[SHA_LEN];

	key = f == NULL ? m->id : message_get(f, "dedupe_key");
	sha_256(h, key, strlen(key));
	enc_hex_to(out, h, sizeof(h));
}

static json_t *
details(const struct message *m)
{
	struct buf b = BUF_INIT;
	json_t *o;

	message_text(m, LIMIT_MESSAGE_TEXT, &b);
	o = json_pack("{s:s}", "text", buf_text(&b));
	buf_free(&b);
	return o;
}

void
pagerduty_request(const struct message *m, const char *routing_key,
    struct message_req *r)
{
	struct buf sum = BUF_INIT, source = BUF_INIT;
	const json_t *f;
	json_t *o;
	char key[65], when[CLK_TEXT], *s;

	f = json_array_get(m->findings, 0);
	dedup_key(m, f, key);
	message_summary(m, SUMMARY, &sum);
	message_clean(&source, f == NULL ? NULL : message_get(f, "name"),
	    SUMMARY, "certvigil");
	o = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:o}}",
	    "routing_key", routing_key, "event_action", action(m),
	    "dedup_key", key, "client", "certvigil",
	    "payload",
	    "summary", buf_text(&sum),
	    "source", buf_text(&source),
	    "severity", severity(f == NULL ? "info" :
	    message_get(f, "severity")),
	    "timestamp", clk_text(m->at, when),
	    "class", f == NULL ? m->purpose : message_get(f, "kind"),
	    "custom_details", details(m));
	if (o == NULL || (s = json_dumps(o, JSON_COMPACT)) == NULL)
		abort();
	message_header(r, "Content-Type: application/json");
	buf_str(&r->body, s);
	mem_wipe(s, strlen(s));
	free(s);
	json_decref(o);
	buf_free(&sum);
	buf_free(&source);
}
