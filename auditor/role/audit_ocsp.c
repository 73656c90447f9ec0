#include "auditor/role/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "auditor/db/rev_store.h"
#include "auditor/rev_find.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sha.h"

/*
 * Kind "ocsp": one responder (a URL for one issuer), asked about each of its
 * certificates that is due, a few at once.  When it does not answer several
 * in a row, the rest waits with it, and delays nobody else.
 */

/* Requests of one responder under way. */
#define WINDOW	8
/* Certificates of one turn, and of one transaction. */
#define BATCH	512
#define TIMEOUT_MS 5000
/* Failures in a row after which it counts as away, and if it did answer. */
#define AWAY	WINDOW
#define AWAY_LATE (8 * WINDOW)
/* What is asked about until it is not so: the probe is once a day. */
#define UNISSUED "good_for_unissued"
/* One that answers is asked again when half of its answer's life is over. */
#define LEAST_S	300

struct one {
	const char		*serial;	/* of due */
	uint64_t		 fetch_id, ask_id;
	struct buf		 body;
	struct ocsp_said	 said;
	uint8_t			 sha[32];	/* of the answer */
	enum { WAITS, ASKED, SAID, FAILED } state;
	int			 probe;		/* nobody issued it */
	char			 why[200];
};

struct ocsp_job {
	struct rev_source_row	 source;
	char			 nobody[40];	/* a serial that is no one's */
	struct db_res		*due;
	struct one		*one;
	size_t			 n, next, flying, done;
	size_t			 row;		/* failures in a row */
	int			 away;
	int			 probed;	/* about nobody's, and it spoke */
	size_t			 answers;
	char			 why[200];	/* of the last failure */
	char			 fault[64];	/* of the first faulty answer */
	char			 fault_why[256];
};

static void go_on(struct audit_job *);

static void
forget(struct ocsp_job *o)
{
	size_t	i;

	for (i = 0; i < o->n; i++) {
		buf_free(&o->one[i].body);
		ocsp_said_free(&o->one[i].said);
	}
	free(o->one);
	o->one = NULL;
	o->n = o->next = o->done = 0;
	db_free(o->due);
	o->due = NULL;
}

static void
drop(struct audit_job *j)
{
	struct ocsp_job	*o = j->state;

	forget(o);
	rev_source_free(&o->source);
	free(o);
}

/* 16 random bytes as a serial: no two CAs of the world would find it. */
static void
probe_serial(char out[40])
{
	uint8_t	b[16];

	if (RAND_bytes(b, sizeof(b)) != 1)
		memset(b, 0x5a, sizeof(b));
	b[0] = (uint8_t)(0x10 | (b[0] & 0x6f));
	(void)enc_hex_to(out, b, sizeof(b));
}

/* The certificates that are due next; how many, -1 the job ended. */
static long
load(struct audit_job *j)
{
	struct ocsp_job	*o = j->state;
	struct err	 e = ERR_INIT;
	size_t		 i;

	forget(o);
	if (rev_ocsp_due(j->en->db, o->source.id, BATCH, &o->due, &e) == -1) {
		audit_fault(j, &e);
		return -1;
	}
	o->n = db_rows(o->due);
	o->one = mem_array(o->n + 1, sizeof(*o->one));
	for (i = 0; i < o->n; i++)
		o->one[i].serial = db_text(o->due, i, 0);
	/* BR 4.9.10: good must not be said of a serial that is unassigned */
	if (o->n != 0 && o->source.probe) {
		o->source.probe = 0;
		probe_serial(o->nobody);
		o->one[o->n].serial = o->nobody;
		o->one[o->n++].probe = 1;
	}
	return (long)o->n;
}

/* Nothing is due. */
static void
idle(struct audit_job *j)
{
	struct ocsp_job	*o = j->state;
	struct err	 e = ERR_INIT;

	if (audit_begin(j) == -1)
		return;
	if (rev_ocsp_forget(j->en->db, o->source.id, &e) == -1 ||
	    rev_find_idle(j->en->db, &o->source, &e) == -1)
		audit_fault(j, &e);
	else if (audit_commit(j) == 0)
		audit_done_source(j, o->source.id, audit_every(j));
}

static void
begin(struct audit_job *j)
{
	struct ocsp_job	*o = mem_zero(sizeof(*o));
	struct err	 e = ERR_INIT;
	long		 n;

	j->state = o;
	if (rev_source_load(j->en->db, strtoll(j->lease.subject, NULL, 10),
	    &o->source, &e) == -1) {
		if (e.code == ERR_NOENT)
			audit_done(j, -1);
		else
			audit_fault(j, &e);
		return;
	}
	/* it would be at fault for what we do not have */
	if (o->source.issuer.n == 0) {
		audit_fail(j, "the issuer's certificate is not at hand");
		return;
	}
	n = load(j);
	if (n == 0)
		idle(j);
	else if (n > 0)
		go_on(j);
}

/* Ask about one certificate. */
static void
ask(struct audit_job *j, struct one *x)
{
	struct ocsp_job		*o = j->state;
	struct ocsp_ask		 q;
	struct fetch_get	 g;
	struct buf		 der = BUF_INIT;
	struct err		 e = ERR_INIT;
	char			 url[HTTP_URL_MAX];

	memset(&q, 0, sizeof(q));
	q.issuer = buf_bytes(&o->source.issuer);
	q.serial = x->serial;
	q.hash = OCSP_SHA1;
	if (ocsp_ask_der(&q, &der, &e) == -1) {
		x->state = FAILED;
		o->done++;
		(void)snprintf(x->why, sizeof(x->why), "%.190s", e.msg);
		buf_free(&der);
		return;
	}
	memset(&g, 0, sizeof(g));
	g.cap = LIMIT_BODY_OCSP;
	g.timeout_ms = TIMEOUT_MS;
	g.flags = FETCH_F_FOLLOW;
	/* no nonce: answers are made before, and caches keep them */
	if (ocsp_ask_url(o->source.url, buf_bytes(&der), url, sizeof(url))) {
		g.method = "GET";
		g.url = url;
	} else {
		g.method = "POST";
		g.flags = 0;
		g.url = o->source.url;
		g.headers[g.nheaders++] =
		    "Content-Type: application/ocsp-request";
		g.body = buf_bytes(&der);
	}
	x->state = ASKED;
	x->fetch_id = audit_get(j, &g);
	o->flying++;
	buf_free(&der);
}

/* --- storing ------------------------------------------------------------------- */

static void
word_of(const struct one *x, struct rev_word *w)
{
	enum ocsp_says	says = ocsp_said_counts(&x->said);

	*w = (struct rev_word){ .serial = x->serial, .status = REV_UNKNOWN,
	    .reason = -1, .stated_at = INT64_MIN, .refusal = x->why,
	    .fresh_until = INT64_MIN };
	if (x->state != SAID)
		return;
	w->refusal = x->said.why;
	w->fresh_until = x->said.next_update != INT64_MIN ?
	    x->said.next_update : clk_wall() + JUDGE_OCSP_AGE;
	w->sha256 = (struct span){ x->sha, 32 };
	if (says == OCSP_SAYS_GOOD)
		w->status = REV_GOOD;
	else if (says == OCSP_SAYS_REVOKED) {
		w->status = REV_REVOKED;
		w->reason = x->said.reason;
		w->stated_at = x->said.revoked_at;
		w->form = "ocsp";
		w->raw = buf_bytes(&x->body);
	} else if (says == OCSP_SAYS_UNKNOWN) {
		w->said = 1;
		w->refusal = "the responder does not know it";
	}
}

/* Serials of one outcome, due again in ${in_s}. */
static int
asked(struct audit_job *j, int ok, int64_t in_s, struct err *e)
{
	struct ocsp_job		*o = j->state;
	const char		**v = mem_array(o->n + 1, sizeof(char *));
	struct db_strs		 s = { v, 0 };
	size_t			 i;
	int			 rc = 0;

	for (i = 0; i < o->n; i++)
		if ((o->one[i].state == SAID) == ok && !o->one[i].probe)
			v[s.n++] = o->one[i].serial;
	if (s.n != 0)
		rc = rev_ocsp_asked(j->en->db, o->source.id, &s, in_s, ok, e);
	free(v);
	return rc;
}

/* What the turn found out about the responder. */
static void
state_of(struct ocsp_job *o, struct rev_source_state *t)
{
	memset(t, 0, sizeof(*t));
	t->this_update = t->next_update = INT64_MIN;
	t->bytes = t->entries = -1;
	t->state = "good";
	t->fault = t->why = "";
	/* one that was not asked about nobody's has not got better */
	if (o->fault[0] == '\0' && !o->probed &&
	    strcmp(o->source.fault, UNISSUED) == 0) {
		(void)snprintf(o->fault, sizeof(o->fault), UNISSUED);
		(void)snprintf(o->fault_why, sizeof(o->fault_why), "it said "
		    "good of a serial that nobody issued (BR 4.9.10)");
	}
	if (o->answers == 0 || o->away) {
		t->state = t->fault = "unreachable";
		t->why = o->why;
	} else if (o->fault[0] != '\0') {
		t->state = "faulty";
		t->fault = o->fault;
		t->why = o->fault_why;
	}
}

/* The words of a batch, and what changed by them. */
static int
save(struct audit_job *j, struct err *e)
{
	struct ocsp_job		*o = j->state;
	struct rev_word		*w = mem_array(o->n, sizeof(*w));
	const char		**serial = mem_array(o->n, sizeof(*serial));
	struct db_strs		 batch = { serial, 0 };
	struct rev_which	 which = { o->source.issuer_spki, o->source.id,
				    &batch };
	struct rev_changes	 changes = { NULL, 0, 0 };
	int64_t			 every = audit_every(j);
	size_t			 i, n = 0;
	int			 rc, probed = 0;

	for (i = 0; i < o->n; i++) {
		if (o->one[i].probe)
			probed = o->one[i].state == SAID;
		else
			word_of(&o->one[i], &w[n++]);
		if (!o->one[i].probe)
			serial[batch.n++] = o->one[i].serial;
	}
	o->probed |= probed;
	rc = rev_words(j->en->db, o->source.id, o->source.issuer_spki, w, n,
	    NULL, e);
	free(w);
	if (rc == 0 && probed)
		rc = rev_ocsp_probed(j->en->db, o->source.id, e);
	if (rc == 0)
		rc = asked(j, 1, every, e);
	if (rc == 0)
		rc = asked(j, 0, every < LEAST_S ? every : LEAST_S, e);
	if (rc == 0)
		rc = rev_merge_some(j->en->db, &which, &changes, e);
	if (rc == 0)
		rc = rev_find(j->en->db, j->en->conf, o->source.issuer_spki, &changes, e);
	rev_changes_free(&changes);
	free(serial);
	return rc;
}

/* All batches are through: the responder itself. */
static void
conclude(struct audit_job *j)
{
	struct ocsp_job		*o = j->state;
	struct rev_source_state	 t;
	struct err		 e = ERR_INIT;
	int64_t			 since = INT64_MIN;

	state_of(o, &t);
	if (audit_begin(j) == -1)
		return;
	if (rev_source_checked(j->en->db, &o->source, &t, &since, &e) == -1 ||
	    rev_ocsp_forget(j->en->db, o->source.id, &e) == -1 ||
	    rev_find_source(j->en->db, &o->source, &t,
	    strcmp(o->source.fault, t.fault) == 0, since,
	    j->en->conf->audit_unreachable, &e) == -1) {
		audit_fault(j, &e);
		return;
	}
	if (audit_commit(j) == -1)
		return;
	if (strcmp(t.state, "unreachable") == 0)
		audit_fail(j, t.why);
	else
		audit_done_source(j, o->source.id, audit_every(j));
}

/* All of the batch have had their answer, or will have none. */
static void
store(struct audit_job *j)
{
	struct ocsp_job	*o = j->state;
	struct err	 e = ERR_INIT;
	long		 n = 0;

	if (audit_begin(j) == -1)
		return;
	if (save(j, &e) == -1) {
		audit_fault(j, &e);
		return;
	}
	if (audit_commit(j) == -1)
		return;
	if (o->answers != 0 && !o->away)
		n = load(j);
	if (n > 0)
		go_on(j);
	else if (n == 0)
		conclude(j);
}

/*
 * It has answered nobody yet, and one got no answer: first is seen what
 * becomes of the others, else a dead one costs two time-outs.
 */
static int
doubtful(const struct ocsp_job *o)
{
	return o->answers == 0 && o->row != 0 && o->flying != 0;
}

static void
go_on(struct audit_job *j)
{
	struct ocsp_job	*o = j->state;

	while (!o->away && o->flying < WINDOW && o->next < o->n && !doubtful(o))
		ask(j, &o->one[o->next++]);
	if (o->away)
		for (; o->next < o->n; o->next++, o->done++) {
			o->one[o->next].state = FAILED;
			(void)snprintf(o->one[o->next].why,
			    sizeof(o->one[o->next].why), "%s", o->why);
		}
	if (o->done == o->n && o->flying == 0)
		store(j);
}

/* --- answers --------------------------------------------------------------------- */

/* One of which there is no answer that could be judged. */
static void
failed(struct audit_job *j, struct one *x, const char *why)
{
	struct ocsp_job	*o = j->state;

	x->state = FAILED;
	(void)snprintf(x->why, sizeof(x->why), "%s", why);
	(void)snprintf(o->why, sizeof(o->why), "%s", x->why);
	o->flying--;
	o->done++;
	if (++o->row >= (o->answers == 0 ? AWAY : AWAY_LATE))
		o->away = 1;
}

static void
fetched(struct audit_job *j, const struct fetch_done *d)
{
	struct ocsp_job		*o = j->state;
	struct judge_ocsp_ask	 q;
	struct buf		 b = BUF_INIT;
	struct one		*x;
	char			 why[400];
	size_t			 i;

	for (i = 0; i < o->n && o->one[i].fetch_id != d->id; i++)
		;
	if (i == o->n)
		return;
	x = &o->one[i];
	x->fetch_id = 0;
	if (d->failure != FETCH_OK || d->status != 200) {
		audit_refusal(d, why, sizeof(why));
		failed(j, x, why);
		go_on(j);
		return;
	}
	buf_span(&x->body, d->body);
	sha_256(x->sha, x->body.p, x->body.n);
	memset(&q, 0, sizeof(q));
	q.now = clk_wall();
	q.issuer = buf_bytes(&o->source.issuer);
	q.serial = x->serial;
	q.body = buf_bytes(&x->body);
	judge_ocsp_ask_pack(&b, &q);
	x->ask_id = audit_ask(j, JUDGE_OCSP, &b, NULL, 0);
	buf_free(&b);
}

/* What is wrong with an answer, and not with the certificate. */
static void
note_fault(struct ocsp_job *o, const struct one *x)
{
	const struct ocsp_said	*s = &x->said;
	unsigned		 bit;

	if (x->probe && ocsp_said_counts(s) == OCSP_SAYS_GOOD) {
		(void)snprintf(o->fault, sizeof(o->fault), UNISSUED);
		(void)snprintf(o->fault_why, sizeof(o->fault_why), "it says "
		    "good of serial %s, which nobody issued (BR 4.9.10)",
		    x->serial);
	}
	/* of that one, unauthorized and unknown are right */
	if (x->probe || s->faults == 0 || o->fault[0] != '\0')
		return;
	for (bit = 1; (s->faults & bit) == 0; bit <<= 1)
		;
	(void)snprintf(o->fault, sizeof(o->fault), "%s",
	    ocsp_fault_name(bit));
	(void)snprintf(o->fault_why, sizeof(o->fault_why), "%s", s->why);
}

static void
judged(struct audit_job *j, const struct judge_reply *r, struct cur *cur)
{
	struct ocsp_job	*o = j->state;
	struct one	*x;
	size_t		 i;

	for (i = 0; i < o->n && o->one[i].ask_id != r->id; i++)
		;
	if (i == o->n)
		return;
	x = &o->one[i];
	x->ask_id = 0;
	ocsp_said_free(&x->said);
	if (!r->ok || judge_ocsp_read(cur, &x->said) == -1) {
		failed(j, x, r->ok ? "the judge talks nonsense" : r->msg);
	} else {
		x->state = SAID;
		o->row = 0;
		o->answers++;
		o->flying--;
		o->done++;
		note_fault(o, x);
		/* kept as evidence of what is not to be */
		if (ocsp_said_counts(&x->said) != OCSP_SAYS_REVOKED)
			buf_free(&x->body);
	}
	go_on(j);
}

/* Of those that it was asked about, the oldest killed it. */
static void
orphan(struct audit_job *j, const char *why)
{
	struct ocsp_job	*o = j->state;
	size_t		 i;

	log_warn("ocsp", "%s: %s", o->source.url, why);
	for (i = 0; i < o->n; i++)
		if (o->one[i].ask_id != 0) {
			o->one[i].ask_id = 0;
			failed(j, &o->one[i], why);
		}
	go_on(j);
}

const struct audit_kind audit_ocsp = {
	.name = "ocsp", .most = 256, .begin = begin, .fetched = fetched,
	.judged = judged, .orphan = orphan, .drop = drop
};
