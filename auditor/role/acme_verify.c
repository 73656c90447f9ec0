#include "auditor/role/acme_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "auditor/cmd/box.h"
#include "auditor/db/finding.h"
#include "auditor/db/log_keys.h"
#include "auditor/role/acme_order.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ctlog/scts.h"

/* Before a certificate is deployed: all that came is judged in a box first. */

struct box {
	struct span		 pem;
	const struct got_want	*want;
	const struct loglist	*logs;		/* NULL: SCTs do not matter */
};

/* Count what there is; a list that is malformed is invalid. */
static void
count(const struct scts *s, struct acme_scts *out)
{
	const struct scts_one	*o;
	size_t			 i;

	if (s->reason[0] != '\0') {
		out->invalid++;
		(void)snprintf(out->why, sizeof(out->why), "the list of SCTs: "
		    "%.300s", s->reason);
	}
	for (i = 0; i < s->n; i++) {
		o = &s->v[i];
		if (o->status == SCTS_VALID)
			out->valid++;
		else if (o->status == SCTS_UNKNOWN_LOG)
			out->unknown++;
		else if (out->invalid++ == 0)
			(void)snprintf(out->why, sizeof(out->why), "the SCT "
			    "of log %.100s does not verify: %.200s",
			    o->log != NULL ? o->log->description : "(unread)",
			    o->reason);
	}
}

static int
judge(const struct got *g, const struct loglist *logs, int64_t now,
    struct acme_scts *out, struct err *e)
{
	struct span	issuers[LIMIT_GOT_CERTS];
	struct scts_in	in;
	struct scts	s;
	size_t		i;

	memset(&in, 0, sizeof(in));
	in.cert = buf_bytes(&g->der[0]);
	for (i = 1; i < g->n; i++)
		issuers[in.nissuers++] = buf_bytes(&g->der[i]);
	in.issuers = issuers;
	in.logs = logs;
	in.at = now;
	/* without an issuer nothing can be said; that is refused, too */
	if (g->n < 2)
		return 0;
	if (scts_read(&in, &s, e) == -1)
		return -1;
	count(&s, out);
	scts_free(&s);
	return 0;
}

/* The answer: a code and a sentence, or three numbers and one. */
static int
look(void *arg, struct buf *out)
{
	const struct box	*b = arg;
	struct acme_scts	 s = { 0, 0, 0, "" };
	struct got		 g;
	struct err		 e = ERR_INIT;
	int			 rc;

	rc = got_read(b->pem, b->want, &g, &e);
	if (rc == 0 && b->logs != NULL)
		rc = judge(&g, b->logs, b->want->now, &s, &e);
	got_free(&g);
	if (rc == -1) {
		buf_u8(out, (uint8_t)e.code);
		buf_str(out, e.msg);
		return 1;
	}
	buf_u16(out, (uint16_t)s.valid);
	buf_u16(out, (uint16_t)s.invalid);
	buf_u16(out, (uint16_t)s.unknown);
	buf_str(out, s.why);
	return 0;
}

/* What the box says is as hostile as what it read. */
static int
hear(const struct buf *said, int status, struct acme_scts *s, struct err *e)
{
	struct cur	c = cur_span(buf_bytes(said));
	struct span	rest;
	uint16_t	n[3];
	uint8_t		code;
	size_t		i;
	char		text[400];

	memset(s, 0, sizeof(*s));
	if (status == 1 && cur_u8(&c, &code) == 0) {
		rest = cur_rest(&c);
		(void)snprintf(text, sizeof(text), "%.*s", (int)(rest.n < 399
		    ? rest.n : 399), (const char *)rest.p);
		return err_set(e, code == ERR_LIMIT || code == ERR_FORMAT ?
		    (enum err_code)code : ERR_VERIFY, "%s", text);
	}
	for (i = 0; i < 3; i++)
		if (status != 0 || cur_u16(&c, &n[i]) == -1)
			return err_set(e, ERR_FORMAT, "its reader talks "
			    "nonsense");
	s->valid = n[0];
	s->invalid = n[1];
	s->unknown = n[2];
	rest = cur_rest(&c);
	(void)snprintf(s->why, sizeof(s->why), "%.*s", (int)(rest.n < 399 ?
	    rest.n : 399), (const char *)rest.p);
	return 0;
}

int
acme_verify_read(struct span pem, const struct got_want *w,
    const struct loglist *logs, struct got *g, struct acme_scts *s,
    struct err *e)
{
	struct box	b = { pem, w, logs };
	struct buf	out = BUF_INIT;
	struct err	why = ERR_INIT;
	int		status = box_run(look, &b, &out, &why), rc;

	memset(g, 0, sizeof(*g));
	/* box_run() speaks of "its reader": of what the CA sent */
	rc = status == -1 ? err_set(e, why.code, "what the CA sent: %s",
	    why.msg) : hear(&out, status, s, e);
	buf_free(&out);
	return rc == 0 ? got_read(pem, w, g, e) : -1;
}

/* --- an order ----------------------------------------------------------------------- */

/* A certificate that no browser will take, and whose log may be at fault. */
static int
find(struct acme_order *o, const struct got *g, const char *why,
    struct err *e)
{
	char		 hex[65], *detail;
	struct finding	 f = { .kind = "sct.invalid", .severity = "high",
	    .subject = hex, .owner = "", .watch = "", .name = o->want.name,
	    .reason = why, .issuer_first_seen = INT64_MIN };
	struct buf	 der = BUF_INIT;
	json_t		*d;
	int		 rc = -1;

	(void)enc_hex_to(hex, g->leaf.tbs_sha256, 32);
	enc_b64(&der, g->der[0].p, g->der[0].n);
	d = json_pack("{ss ss}", "certificate", buf_text(&der), "deployed",
	    "no: the version before it is served on");
	detail = json_dumps(d, JSON_COMPACT);
	f.detail = detail;
	if (db_begin(o->db, e) == 0 &&
	    finding_open(o->db, &f, NULL, NULL, e) == 0 &&
	    db_commit(o->db, e) == 0)
		rc = 0;
	else
		db_rollback(o->db);
	free(detail);
	json_decref(d);
	buf_free(&der);
	return rc;
}

int
acme_verify(struct acme_order *o, struct span pem, const struct got_want *w,
    struct got *g, struct err *e)
{
	struct acme_scts	 s;
	struct loglist		*logs = NULL;
	int			 rc;

	if (!o->conf->acme_no_ct && log_keys(o->db, &logs, e) == -1)
		return -1;
	rc = acme_verify_read(pem, w, logs, g, &s, e);
	loglist_free(logs);
	if (rc == -1 || o->conf->acme_no_ct)
		return rc;
	if (s.invalid != 0) {
		if (find(o, g, s.why, e) == -1)
			return -1;
		return err_set(e, ERR_VERIFY, "%s", s.why);
	}
	if (s.valid == 0 && s.unknown != 0 && o->tell != NULL)
		o->tell(o->arg, "warning: its SCTs are of logs that are not "
		    "known here, and so not verified; certvigil run fetches "
		    "the list of logs");
	return 0;
}
