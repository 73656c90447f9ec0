#include <stdlib.h>
#include <string.h>

#include "auditor/evidence.h"
#include "auditor/evidence_json.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/loglist.h"
#include "ctlog/scts.h"

/*
 * SCTs: what a log promised for a certificate, and whether its key says so.
 * Whether the log counted at the time is for log lists to say: a file that
 * holds for ever does not.
 */

/* The certificate and the issuers that a statement has. */
struct subject {
	struct buf	 der, chain;
	struct span	 issuers[LIMIT_CHAIN];
	size_t		 n;
};

static void
subject_load(const json_t *certificate, struct subject *s)
{
	const json_t	*a = json_object_get(certificate, "chain"), *v;
	size_t		 i, at;

	memset(s, 0, sizeof(*s));
	evidence_bytes(certificate, "der", &s->der);
	s->n = json_array_size(a);
	if (s->n > LIMIT_CHAIN)
		s->n = LIMIT_CHAIN;
	for (i = 0; i < s->n; i++) {
		v = json_array_get(a, i);
		at = s->chain.n;
		(void)enc_unb64(json_string_value(v), json_string_length(v),
		    &s->chain);
		s->issuers[i].n = s->chain.n - at;
	}
	for (i = 0, at = 0; i < s->n; at += s->issuers[i++].n)
		s->issuers[i].p = s->chain.p + at;
}

static void
subject_free(struct subject *s)
{
	buf_free(&s->der);
	buf_free(&s->chain);
}

/* "certificate", "tls", "ocsp": 0 or -1. */
static int
source_of(const char *name, enum scts_source *out)
{
	for (*out = SCTS_CERT; *out <= SCTS_OCSP; (*out)++)
		if (strcmp(name, scts_source_name(*out)) == 0)
			return 0;
	return -1;
}

/* A list of one log that always counted. */
static void
list_of(struct span key, struct loglist_log *l, struct loglist *list)
{
	memset(l, 0, sizeof(*l));
	memset(list, 0, sizeof(*list));
	l->key = (uint8_t *)(uintptr_t)key.p;
	l->nkey = key.n;
	sha_256(l->log_id, key.p, key.n);
	l->description = (char *)(uintptr_t)"";
	l->state = LOGLIST_USABLE;
	list->logs = l;
	list->nlogs = key.n != 0;
}

static const struct scts_one *
find(const struct scts *s, enum scts_source from, struct span raw)
{
	size_t	i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].source == from && s->v[i].raw.n == raw.n &&
		    memcmp(s->v[i].raw.p, raw.p, raw.n) == 0)
			return &s->v[i];
	return NULL;
}

/* The outcome, by the signature alone. */
static const char *
result_of(const struct scts *s, const struct scts_one *o)
{
	if (o->status != SCTS_NOT_COUNTED)
		return scts_status_name(o->status);
	return o->source == SCTS_CERT && s->issuer == -1 ? "unchecked" :
	    "valid";
}

static json_t *
describe(const struct scts *s, const struct scts_one *o)
{
	const char	*result = result_of(s, o);
	json_t		*said = json_object();

	json_object_set_new(said, "source",
	    json_string(scts_source_name(o->source)));
	json_object_set_new(said, "raw", evidence_b64(o->raw.p, o->raw.n));
	json_object_set_new(said, "result", json_string(result));
	if (o->status == SCTS_MALFORMED)
		return said;
	json_object_set_new(said, "log_id", evidence_b64(o->log_id, 32));
	json_object_set_new(said, "timestamp",
	    json_integer((json_int_t)(o->timestamp & INT64_MAX)));
	if (o->source != SCTS_CERT || s->issuer != -1)
		json_object_set_new(said, "leaf_hash",
		    evidence_hex(o->leaf_hash, 32));
	return said;
}

json_t *
evidence_describe_sct(const json_t *certificate, const char *source,
    struct span raw, struct span key, struct err *e)
{
	struct loglist_log	 log;
	struct loglist		 list;
	struct scts_in		 in;
	struct scts		 out;
	struct subject		 sub;
	struct buf		 b = BUF_INIT;
	const struct scts_one	*one;
	enum scts_source	 from;
	json_t			*said = NULL;

	if (source_of(source, &from) == -1) {
		(void)err_set(e, ERR_FORMAT, "`source` is none of "
		    "certificate, tls, ocsp (RFC 6962 3.3)");
		return NULL;
	}
	if (raw.n == 0 || raw.n > 65533) {
		(void)err_set(e, ERR_FORMAT, "no SCT has %zu bytes "
		    "(RFC 6962 3.3)", raw.n);
		return NULL;
	}
	subject_load(certificate, &sub);
	list_of(key, &log, &list);
	buf_u16(&b, (uint16_t)(raw.n + 2));
	buf_u16(&b, (uint16_t)raw.n);
	buf_span(&b, raw);
	memset(&in, 0, sizeof(in));
	in.cert = buf_bytes(&sub.der);
	in.issuers = sub.issuers;
	in.nissuers = sub.n;
	if (from == SCTS_TLS)
		in.tls = buf_bytes(&b);
	else if (from == SCTS_OCSP)
		in.ocsp = buf_bytes(&b);
	in.logs = &list;
	in.at = INT64_MAX / 2;
	if (scts_read(&in, &out, e) == 0) {
		one = find(&out, from, raw);
		if (one != NULL)
			said = describe(&out, one);
		else
			(void)err_set(e, ERR_VERIFY, "the SCT is not in the "
			    "certificate");
	}
	scts_free(&out);
	subject_free(&sub);
	buf_free(&b);
	return said;
}

int
evidence_sct(struct evidence *ev, int log, int certificate,
    const char *source, struct span raw, struct err *e)
{
	const json_t	*cert = evidence_statement(ev, certificate);
	const json_t	*l = evidence_log_at(ev, log);
	struct buf	 key = BUF_INIT;
	json_t		*said;

	if (l != NULL)
		evidence_bytes(l, "key", &key);
	said = evidence_describe_sct(cert, source, raw, buf_bytes(&key), e);
	buf_free(&key);
	if (said == NULL)
		return -1;
	json_object_set_new(said, "certificate", json_integer(certificate));
	if (l != NULL)
		json_object_set_new(said, "log", json_integer(log));
	return evidence_add(ev, "sct", "transferable", said, raw.n, e);
}
