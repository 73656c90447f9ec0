#ifndef TESTS_UNIT_ACME_MODEL_H
#define TESTS_UNIT_ACME_MODEL_H

#include <jansson.h>

#include "tests/unit/acme/cm.h"

#include "acme/flow.h"

/*
 * A CA that keeps the rules of RFC 8555, for orders of up to three names, and
 * the world in which challenges are placed.  It counts what must not happen.
 */

#define MODEL_CA "https://ca.example"
#define MODEL_NAMES 3
#define MODEL_ORDERS 64

struct model_order {
	int	 status;		/* enum order_status */
	size_t	 n;
	int	 ip[MODEL_NAMES], wildcard[MODEL_NAMES];
	char	 name[MODEL_NAMES][64];
	int	 authz[MODEL_NAMES];	/* enum authz_status */
	int	 looks[MODEL_NAMES];	/* until it is seen to be proved */
	int	 processing;		/* looks until it is valid */
};

struct model {
	uint64_t		 seed;
	unsigned		 bad_nonce;	/* percent */
	int			 reuse;		/* pending orders */
	struct model_order	 o[MODEL_ORDERS];
	size_t			 n;
	char			 placed[MODEL_ORDERS][MODEL_NAMES];
	unsigned		 issued;
	unsigned		 early;		/* finalize, and not ready */
	unsigned		 needless;	/* challenges of valid ones */
	unsigned		 absurd;	/* nobody should send that */
	/* the answer */
	struct acme_reply	 r;
	struct buf		 body;
	char			 location[64];
};

static inline unsigned
model_random(struct model *m, unsigned n)
{
	m->seed = m->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(m->seed >> 33) % n;
}

static inline void
model_problem(struct model *m, long status, const char *type)
{
	m->r.status = status;
	buf_fmt(&m->body, "{\"type\":\"urn:ietf:params:acme:error:%s\"}",
	    type);
}

static inline const char *
model_token(size_t i, size_t k, char out[32])
{
	(void)snprintf(out, 32, "token-%08zu-%08zu", i, k);
	return out;
}

static inline void
model_say_order(struct model *m, size_t i, long status)
{
	static const char *const names[] = { "", "pending", "ready",
				    "processing", "valid", "invalid" };
	struct model_order	*o = &m->o[i];
	size_t			 k;

	m->r.status = status;
	buf_fmt(&m->body, "{\"status\":\"%s\",\"identifiers\":[",
	    names[o->status]);
	for (k = o->n; k-- != 0;)
		buf_fmt(&m->body, "{\"type\":\"%s\",\"value\":\"%s%s\"}%s",
		    o->ip[k] ? "ip" : "dns", o->wildcard[k] ? "*." : "",
		    o->name[k], k != 0 ? "," : "");
	buf_str(&m->body, "],\"authorizations\":[");
	for (k = 0; k < o->n; k++)
		buf_fmt(&m->body, "%s\"" MODEL_CA "/z/%zu/%zu\"", k != 0 ?
		    "," : "", i, k);
	buf_fmt(&m->body, "],\"finalize\":\"" MODEL_CA "/f/%zu\"", i);
	if (o->status == ORDER_VALID)
		buf_fmt(&m->body, ",\"certificate\":\"" MODEL_CA "/c/%zu\"",
		    i);
	buf_str(&m->body, "}");
}

static inline void
model_say_authz(struct model *m, size_t i, size_t k)
{
	static const char *const names[] = { "", "pending", "valid",
				    "invalid", "deactivated" };
	static const char *const types[] = { "dns-01", "http-01" };
	struct model_order	*o = &m->o[i];
	char			 token[32];
	size_t			 t;

	m->r.status = 200;
	buf_fmt(&m->body, "{\"status\":\"%s\",\"identifier\":{\"type\":"
	    "\"%s\",\"value\":\"%s\"},\"wildcard\":%s,\"challenges\":["
	    "{\"type\":\"unheard-of-01\"}", names[o->authz[k]],
	    o->ip[k] ? "ip" : "dns", o->name[k], o->wildcard[k] ? "true" :
	    "false");
	for (t = 0; t < 2; t++)
		buf_fmt(&m->body, ",{\"type\":\"%s\",\"status\":\"%s\","
		    "\"url\":\"" MODEL_CA "/h/%zu/%zu\",\"token\":\"%s\"}",
		    types[t], o->authz[k] == AUTHZ_VALID ? "valid" :
		    "pending", i, k, model_token(i, k, token));
	buf_str(&m->body, "]}");
}

/* Where the order is, from where its authorizations are. */
static inline void
model_turn(struct model_order *o)
{
	size_t	k, valid = 0;

	if (o->status == ORDER_PROCESSING && --o->processing <= 0)
		o->status = ORDER_VALID;
	if (o->status != ORDER_PENDING)
		return;
	for (k = 0; k < o->n; k++) {
		valid += o->authz[k] == AUTHZ_VALID;
		if (o->authz[k] == AUTHZ_INVALID ||
		    o->authz[k] == AUTHZ_DEACTIVATED)
			o->status = ORDER_INVALID;
	}
	if (valid == o->n)
		o->status = ORDER_READY;
}

static inline void
model_new(struct model *m, const char *payload)
{
	struct model_order	*o;
	json_t			*doc, *ids, *id;
	const char		*s;
	size_t			 i, k;

	for (i = 0; m->reuse && i < m->n; i++)
		if (m->o[i].status == ORDER_PENDING ||
		    m->o[i].status == ORDER_READY)
			break;
	if (!m->reuse)
		i = m->n;
	if (i == m->n) {
		assert_true(m->n < MODEL_ORDERS);
		o = &m->o[m->n++];
		memset(o, 0, sizeof(*o));
		o->status = ORDER_PENDING;
		doc = json_loads(payload, 0, NULL);
		ids = json_object_get(doc, "identifiers");
		json_array_foreach(ids, k, id) {
			s = json_string_value(json_object_get(id, "value"));
			o->ip[k] = s[0] >= '0' && s[0] <= '9';
			o->wildcard[k] = s[0] == '*';
			(void)snprintf(o->name[k], sizeof(o->name[k]), "%s",
			    s + 2 * o->wildcard[k]);
			o->authz[k] = AUTHZ_PENDING;
			o->n++;
		}
		json_decref(doc);
	}
	(void)snprintf(m->location, sizeof(m->location), MODEL_CA "/o/%zu",
	    i);
	m->r.location = m->location;
	model_say_order(m, i, 201);
}

/* The CA looks: what is not placed now is invalid. */
static inline void
model_challenge(struct model *m, size_t i, size_t k)
{
	struct model_order	*o = &m->o[i];

	if (o->authz[k] != AUTHZ_PENDING)
		m->needless++;
	else if (!m->placed[i][k])
		o->authz[k] = AUTHZ_INVALID;
	else if (o->looks[k] == 0)
		o->looks[k] = 1 + (int)model_random(m, 3);
	m->r.status = 200;
	buf_str(&m->body, "{}");
}

static inline void
model_finalize(struct model *m, size_t i)
{
	struct model_order	*o = &m->o[i];

	if (o->status != ORDER_READY) {
		m->early++;
		model_problem(m, 403, "orderNotReady");
		return;
	}
	m->issued++;
	o->status = ORDER_PROCESSING;
	o->processing = 1 + (int)model_random(m, 3);
	model_say_order(m, i, 200);
}

/* Do what is asked; m->r is the answer. */
static inline void
model_do(struct model *m, enum acme_purpose purpose, const char *url,
    const char *payload)
{
	size_t	i = 0, k = 0;
	char	what = 0;

	memset(&m->r, 0, sizeof(m->r));
	buf_reset(&m->body);
	if (model_random(m, 100) < m->bad_nonce) {
		model_problem(m, 400, "badNonce");
		m->r.body = buf_bytes(&m->body);
		return;
	}
	if (sscanf(url, MODEL_CA "/%c/%zu/%zu", &what, &i, &k) < 2)
		what = 'n';
	if (what != 'n') {
		assert_true(i < m->n && k < m->o[i].n);
		model_turn(&m->o[i]);
	}
	if (purpose == ACME_ORDER_NEW && what == 'n')
		model_new(m, payload);
	else if (purpose == ACME_ORDER_GET && what == 'o')
		model_say_order(m, i, 200);
	else if (purpose == ACME_AUTHZ_GET && what == 'z') {
		if (m->o[i].looks[k] != 0 && --m->o[i].looks[k] == 0)
			m->o[i].authz[k] = AUTHZ_VALID;
		model_say_authz(m, i, k);
	} else if (purpose == ACME_AUTHZ_CLOSE && what == 'z') {
		m->o[i].authz[k] = AUTHZ_DEACTIVATED;
		model_say_authz(m, i, k);
	} else if (purpose == ACME_CHALLENGE && what == 'h')
		model_challenge(m, i, k);
	else if (purpose == ACME_FINALIZE && what == 'f')
		model_finalize(m, i);
	else if (purpose == ACME_CERTIFICATE && what == 'c' &&
	    m->o[i].status == ORDER_VALID) {
		m->r.status = 200;
		buf_str(&m->body, "-----BEGIN CERTIFICATE-----\nMII\n"
		    "-----END CERTIFICATE-----\n");
	} else {
		m->absurd++;
		model_problem(m, 400, "malformed");
	}
	m->r.body = buf_bytes(&m->body);
}

#endif
