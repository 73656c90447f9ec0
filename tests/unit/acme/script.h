#ifndef TESTS_UNIT_ACME_SCRIPT_H
#define TESTS_UNIT_ACME_SCRIPT_H

#include "tests/unit/acme/cm.h"

#include "acme/flow.h"

/* A CA as a table: what must be asked, in this order, and what it answers. */

#define CA "https://ca.example"
#define U "urn:ietf:params:acme:error:"
#define CSR "MIIBPTCBxAIBADBFMQ"
#define TOKEN "DGyRejmCefe7v4NfDGDKfA"
#define PEM "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"

struct line {
	enum acme_purpose	 purpose;
	const char		*url;		/* behind CA */
	const char		*payload;	/* a part of it, or all of "" */
	long			 status;
	const char		*body;
	const char		*location;	/* behind CA, or NULL */
	const char		*retry;
	const char		*links;
};

#define PROBLEM(type) "{\"type\":\"" U type "\",\"detail\":\"because\"}"

/* An order for a.example with one authorization. */
#define ORDER(status, more) \
	"{\"status\":\"" status "\",\"identifiers\":[{\"type\":\"dns\"," \
	"\"value\":\"a.example\"}],\"authorizations\":[\"" CA "/z/1\"]," \
	"\"finalize\":\"" CA "/f/1\"" more "}"
#define VALID ORDER("valid", ",\"certificate\":\"" CA "/c/1\"")
#define CHALL(type, status) \
	"{\"type\":\"" type "\",\"status\":\"" status "\",\"url\":\"" CA \
	"/h/" type "\",\"token\":\"" TOKEN "\"}"
#define AUTHZ(status, challenges) \
	"{\"status\":\"" status "\",\"identifier\":{\"type\":\"dns\"," \
	"\"value\":\"a.example\"},\"challenges\":[" challenges "]}"
#define PENDING AUTHZ("pending", CHALL("http-01", "pending") "," \
	CHALL("dns-01", "pending"))

/* The lines of an undisturbed order, to be put together. */
#define L_NEW { ACME_ORDER_NEW, "/new-order", "a.example", 201, \
	ORDER("pending", ""), "/o/1", NULL, NULL }
#define L_AUTHZ { ACME_AUTHZ_GET, "/z/1", "", 200, PENDING, NULL, NULL, \
	NULL }
#define L_CHALL { ACME_CHALLENGE, "/h/http-01", "{}", 200, \
	CHALL("http-01", "pending"), NULL, NULL, NULL }
#define L_PROVED { ACME_AUTHZ_GET, "/z/1", "", 200, \
	AUTHZ("valid", CHALL("http-01", "valid")), NULL, NULL, NULL }
#define L_READY { ACME_ORDER_GET, "/o/1", "", 200, ORDER("ready", ""), \
	NULL, NULL, NULL }
#define L_EARLY { ACME_FINALIZE, "/f/1", CSR, 403, \
	PROBLEM("orderNotReady"), NULL, NULL, NULL }
#define L_FINAL { ACME_FINALIZE, "/f/1", "{\"csr\":\"" CSR "\"}", 200, \
	ORDER("processing", ""), NULL, NULL, NULL }
#define L_VALID { ACME_ORDER_GET, "/o/1", "", 200, VALID, NULL, NULL, \
	NULL }
#define L_CERT { ACME_CERTIFICATE, "/c/1", "", 200, PEM, NULL, NULL, NULL }
#define L_CLOSE { ACME_AUTHZ_CLOSE, "/z/1", "deactivated", 200, \
	AUTHZ("deactivated", ""), NULL, NULL, NULL }
#define L_END { 0, NULL, NULL, 0, NULL, NULL, NULL, NULL }

static struct url_pin		pin;
static struct directory		dir;
static struct flow_want		want;
static int64_t			now;

static inline int
script_begin(void **state)
{
	static const char body[] = "{\"newNonce\":\"" CA "/n\","
	    "\"newAccount\":\"" CA "/a\",\"newOrder\":\"" CA "/new-order\","
	    "\"renewalInfo\":\"" CA "/r\",\"meta\":{\"profiles\":{"
	    "\"short\":\"\"}}}";

	(void)state;
	if (url_pin(&pin, CA "/dir", 0, NULL) == -1)
		return -1;
	return directory_read(&dir, SPAN_STR(body), &pin, NULL);
}

static inline int
script_end(void **state)
{
	(void)state;
	directory_free(&dir);
	return 0;
}

/* An order for a.example by http-01, else dns-01, in an hour. */
static inline void
script_want(void)
{
	static const char *const		names[] = { "A.example" };
	static const enum challenge_type	prefer[] = {
	    CHALLENGE_HTTP_01, CHALLENGE_DNS_01 };

	now = NOW;
	want = (struct flow_want){
		.names = names,
		.nnames = 1,
		.prefer = prefer,
		.nprefer = 2,
		.deadline = NOW + 3600 * CLK_SEC,
	};
}

static inline struct flow *
script_flow(void)
{
	struct err	 e = ERR_INIT;
	struct flow	*f = flow_start(&dir, &pin, &want, &e);

	if (f == NULL)
		fail_msg("%s", e.msg);
	return f;
}

/* Do what is to be done, as a caller would. */
static inline void
script_serve(struct flow *f)
{
	struct flow_place	p;
	unsigned		bits = flow_events(f);
	size_t			i;

	for (i = 0; i < flow_places(f); i++) {
		flow_place(f, i, &p);
		if (p.state == FLOW_PLACE_WANTED)
			flow_placed(f, i, now);
		if (p.state == FLOW_PLACE_REMOVE)
			flow_removed(f, i);
	}
	if (bits & FLOW_FINALIZE)
		assert_int_equal(flow_finalize(f, CSR, now, NULL), 0);
	if (bits & FLOW_PICK)
		flow_pick(f, 0);
}

/* The next request, for which time may have to pass: 0 when none comes. */
static inline int
script_ask(struct flow *f, uint32_t *id, struct acme_ask *ask)
{
	while (flow_ask(f, now, id, ask) == 0) {
		script_serve(f);
		if (flow_events(f) & (FLOW_DONE | FLOW_FAILED) &&
		    (flow_events(f) & FLOW_REMOVE) == 0)
			return 0;
		if (flow_when(f) == INT64_MAX)
			return 0;
		if (flow_when(f) > now)
			now = flow_when(f);
	}
	return 1;
}

static inline void
script_answer(struct flow *f, uint32_t id, const struct line *l)
{
	struct acme_reply	 r = { .status = l->status };
	char			*location = NULL;

	if (l->location != NULL)
		r.location = location = mem_printf(CA "%s", l->location);
	r.retry_after = l->retry;
	r.links = l->links;
	r.body = SPAN_STR(l->body != NULL ? l->body : "");
	flow_reply(f, id, &r, now);
	free(location);
}

/* Play the table to its end, and nothing more must be asked. */
static inline void
script_play(struct flow *f, const struct line *l)
{
	struct acme_ask	 ask;
	uint32_t	 id;
	size_t		 i;

	for (i = 0; l[i].purpose != 0; i++) {
		if (!script_ask(f, &id, &ask))
			fail_msg("line %zu: nothing is asked; %s", i,
			    flow_why(f));
		if (ask.purpose != l[i].purpose ||
		    strncmp(ask.url, CA, strlen(CA)) != 0 ||
		    strcmp(ask.url + strlen(CA), l[i].url) != 0)
			fail_msg("line %zu: asked %d %s; %s", i, ask.purpose,
			    ask.url, flow_why(f));
		if (l[i].payload[0] == '\0')
			assert_string_equal(ask.payload, "");
		else
			has(ask.payload, l[i].payload);
		script_answer(f, id, &l[i]);
	}
	if (script_ask(f, &id, &ask))
		fail_msg("asked %d %s behind the end", ask.purpose, ask.url);
}

/* It ends well. */
static inline void
script_done(struct flow *f, const struct line *l)
{
	script_play(f, l);
	if (flow_events(f) != FLOW_DONE)
		fail_msg("not done: %s", flow_why(f));
	assert_int_equal(flow_chains(f) > 0, 1);
	flow_free(f);
}

/* It fails, and says so. */
static inline void
script_fails(struct flow *f, const struct line *l, const char *why)
{
	script_play(f, l);
	assert_int_equal(flow_events(f), FLOW_FAILED);
	has(flow_why(f), why);
	flow_free(f);
}

#endif
