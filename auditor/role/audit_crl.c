#include "auditor/role/audit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auditor/crlparts.h"
#include "auditor/db/rev_store.h"
#include "auditor/rev_find.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

/*
 * Kind "crl": one CRL, fetched once for all certificates that name it.  The
 * body goes from fetch to judge through a pipe, and is nowhere in whole.
 */

/* A CRL of 70 MB at 1 MB/s, and some. */
#define FETCH_MS	120000
/* A source that failed is asked again after so many seconds, then doubling. */
#define RETRY_S		60
/* One that nobody needs is looked at, whether somebody does, so often. */
#define IDLE_S		86400

struct crl {
	struct rev_source_row	 source;
	struct db_res		*serials;
	uint64_t		 fetch_id, ask_id;
	int			 fetched;	/* its end was told */
	int			 whole;		/* 200, and all of it came */
	int			 unchanged;	/* 304 */
	char			 why[400];	/* not fetched */
	char			 etag[256], last_modified[64];
	int			 judged;
	struct buf		 raw;		/* the answer */
	struct crlscan_out	 out;
	int			 second;	/* a fault is looked at twice */
};

static void fetch(struct audit_job *);

static void
drop(struct audit_job *j)
{
	struct crl	*c = j->state;

	rev_source_free(&c->source);
	db_free(c->serials);
	buf_free(&c->raw);
	crlscan_out_free(&c->out);
	free(c);
}

/* The serials to look for, as a sealed image: its descriptor, or -1. */
static int
seal(const struct db_res *serials, uint64_t *size, struct err *e)
{
	struct crlset_build	*b = crlset_new();
	struct buf		 image = BUF_INIT;
	size_t			 i, at;
	ssize_t			 n;
	int			 fd;

	for (i = 0; i < db_rows(serials); i++)
		(void)crlset_add(b, db_text(serials, i, 0), NULL);
	crlset_done(b, &image);
	*size = image.n;
	fd = memfd_create("cv-serials", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	for (at = 0; fd != -1 && at < image.n; at += (size_t)n)
		if ((n = write(fd, image.p + at, image.n - at)) <= 0)
			break;
	if (fd == -1 || at < image.n || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == -1) {
		(void)err_set(e, ERR_SYS, "serials in shared memory");
		if (fd != -1)
			(void)close(fd);
		fd = -1;
	}
	buf_free(&image);
	return fd;
}

/* The judge reads what fetch will write. */
static int
ask(struct audit_job *j, int pipe_end)
{
	struct crl		*c = j->state;
	struct judge_crl_ask	 q;
	struct buf		 b = BUF_INIT;
	struct err		 e = ERR_INIT;
	int			 fds[2] = { pipe_end, -1 };

	memset(&q, 0, sizeof(q));
	q.now = clk_wall();
	q.issuer = buf_bytes(&c->source.issuer);
	q.url = c->source.url;
	q.last_number = c->source.number;
	q.last_this = c->source.this_update;
	q.keep = LIMIT_CRL_KEEP;
	fds[1] = seal(c->serials, &q.set_size, &e);
	if (fds[1] == -1) {
		audit_fault(j, &e);
		return -1;
	}
	judge_crl_ask_pack(&b, &q);
	c->ask_id = audit_ask(j, JUDGE_CRL, &b, fds, 2);
	buf_free(&b);
	(void)close(fds[1]);
	return c->ask_id != 0 ? 0 : -1;
}

static void
begin(struct audit_job *j)
{
	struct crl	*c = mem_zero(sizeof(*c));
	struct err	 e = ERR_INIT;

	j->state = c;
	j->patience = 2 * (int64_t)FETCH_MS * 1000;
	if (rev_source_load(j->en->db, strtoll(j->lease.subject, NULL, 10),
	    &c->source, &e) == -1) {
		if (e.code == ERR_NOENT)
			audit_done(j, -1);
		else
			audit_fault(j, &e);
		return;
	}
	if (rev_source_serials(j->en->db, &c->source, &c->serials, &e) == -1) {
		audit_fault(j, &e);
		return;
	}
	if (db_rows(c->serials) == 0) {
		/* nothing is valid that it speaks of; who does asks for it */
		audit_done_source(j, c->source.id, IDLE_S);
		return;
	}
	fetch(j);
}

/* Has it been looked at for every one of them? */
static int
looked(const struct db_res *serials)
{
	size_t	i;

	for (i = 0; i < db_rows(serials); i++)
		if (!db_bool(serials, i, 1))
			return 0;
	return 1;
}

static void
fetch(struct audit_job *j)
{
	struct crl		*c = j->state;
	int			 whole;
	struct fetch_get	 g;
	char			 none[320], since[100];
	int			 p[2];
	struct err		 e = ERR_INIT;

	if (pipe2(p, O_CLOEXEC) == -1) {
		(void)err_set(&e, ERR_SYS, "pipe");
		audit_fault(j, &e);
		return;
	}
	memset(&g, 0, sizeof(g));
	g.cap = LIMIT_CRL;
	g.timeout_ms = FETCH_MS;
	g.flags = FETCH_F_FOLLOW | FETCH_F_PIPE;
	g.method = "GET";
	g.url = c->source.url;
	/* what was bad is looked at whole, and for serials that are new */
	whole = c->second || !looked(c->serials);
	if (c->source.etag[0] != '\0' && !whole) {
		(void)snprintf(none, sizeof(none), "If-None-Match: %s",
		    c->source.etag);
		g.headers[g.nheaders++] = none;
	}
	if (c->source.last_modified[0] != '\0' && !whole) {
		(void)snprintf(since, sizeof(since), "If-Modified-Since: %s",
		    c->source.last_modified);
		g.headers[g.nheaders++] = since;
	}
	c->fetched = c->judged = c->whole = c->unchanged = 0;
	if (ask(j, p[0]) == 0)
		c->fetch_id = audit_pipe(j, &g, p[1]);
	else
		(void)close(p[1]);
	(void)close(p[0]);
}

/* --- what came of it ------------------------------------------------------------ */

/* What the CRL says of each serial. */
static int
words(struct audit_job *j, struct err *e)
{
	struct crl		*c = j->state;
	size_t			 n = db_rows(c->serials), i;
	struct rev_word		*w = mem_array(n, sizeof(*w));
	struct buf		*parts = mem_array(n, sizeof(*parts));
	struct span		 sha = { c->out.sha256, 32 };
	struct crlparts		 cp;
	int			 rc;

	for (i = 0; i < n; i++)
		w[i] = (struct rev_word){ .serial = db_text(c->serials, i, 0),
		    .status = c->out.fault == CRL_OK ? REV_GOOD : REV_UNKNOWN,
		    .reason = -1, .stated_at = INT64_MIN,
		    .refusal = c->out.why, .fresh_until = INT64_MIN,
		    .sha256 = sha };
	for (i = 0; i < c->out.nhits && crl_fault_revokes(c->out.fault); i++) {
		const struct crlscan_hit	*h = &c->out.hits[i];

		if (h->number < 0 || (size_t)h->number >= n)
			continue;
		w[h->number].status = REV_REVOKED;
		w[h->number].reason = h->reason;
		w[h->number].stated_at = h->at;
		w[h->number].refusal = "";
		w[h->number].form = c->out.kept.n != 0 ? "crl" : "crl_parts";
		w[h->number].raw = buf_bytes(&c->out.kept);
		if (c->out.kept.n == 0) {
			crlparts_of(&c->out, h, &cp);
			crlparts_pack(&parts[h->number], &cp);
			w[h->number].raw = buf_bytes(&parts[h->number]);
		}
	}
	/* a fault that says nothing leaves what was known */
	rc = c->out.fault == CRL_OK || crl_fault_revokes(c->out.fault) ?
	    rev_words(j->en->db, c->source.id, c->source.issuer_spki, w, n,
	    e) : 0;
	for (i = 0; i < n; i++)
		buf_free(&parts[i]);
	free(parts);
	free(w);
	return rc;
}

static void
state_of(const struct crl *c, struct rev_source_state *t)
{
	memset(t, 0, sizeof(*t));
	t->this_update = t->next_update = INT64_MIN;
	t->bytes = t->entries = -1;
	t->why = "";
	t->fault = "";
	t->state = "good";
	if (c->unchanged && c->source.next_update != INT64_MIN &&
	    c->source.next_update < clk_wall()) {
		t->state = "faulty";
		t->fault = "stale";
		t->why = "its nextUpdate has passed, and the server says that "
		    "there is no newer one";
	}
	if (c->unchanged)
		return;
	if (!c->whole) {
		t->state = "unreachable";
		t->fault = "unreachable";
		t->why = c->why;
		return;
	}
	t->bytes = (int64_t)c->out.bytes;
	t->entries = (int64_t)c->out.count;
	t->sha256 = (struct span){ c->out.sha256, 32 };
	if (c->out.fault != CRL_OK) {
		t->state = "faulty";
		t->fault = crl_fault_name(c->out.fault);
		t->why = c->out.why;
		return;
	}
	t->this_update = c->out.this_update;
	t->next_update = c->out.next_update;
	t->number = c->out.number[0] != '\0' ? c->out.number : NULL;
	t->etag = c->etag[0] != '\0' ? c->etag : NULL;
	t->last_modified = c->last_modified[0] != '\0' ? c->last_modified :
	    NULL;
}

/* When to look again: as configured, sooner when the CRL ends before. */
static int64_t
next_in(const struct audit_job *j, const struct crl *c)
{
	int64_t	every = audit_every(j), left;

	if (c->unchanged || c->out.next_update == INT64_MIN)
		return every;
	left = (c->out.next_update - clk_wall()) / CLK_SEC / 2;
	return left < RETRY_S && RETRY_S < every ? RETRY_S :
	    left < every && left > 0 ? left : every;
}

static void
store(struct audit_job *j)
{
	struct crl		*c = j->state;
	struct rev_source_state	 t;
	struct rev_changes	 changes = { NULL, 0, 0 };
	struct err		 e = ERR_INIT;
	int64_t			 since = INT64_MIN;
	int			 good, rc;

	state_of(c, &t);
	good = strcmp(t.state, "good") == 0;
	/* a stale edge of a CDN is a normal event: what is bad is bad twice */
	if (!good && c->whole && !c->second) {
		c->second = 1;
		buf_reset(&c->raw);
		crlscan_out_free(&c->out);
		memset(&c->out, 0, sizeof(c->out));
		audit_new_judge(j);
		fetch(j);
		return;
	}
	if (audit_begin(j) == -1)
		return;
	rc = rev_source_checked(j->en->db, &c->source, &t, &since, &e);
	if (rc == 0 && c->whole && !c->unchanged)
		rc = words(j, &e);
	if (rc == 0)
		rc = rev_merge_store(j->en->db, c->source.issuer_spki,
		    c->source.id, &changes, &e);
	if (rc == 0)
		rc = rev_find(j->en->db, c->source.issuer_spki, &changes, &e);
	if (rc == 0)
		rc = rev_find_source(j->en->db, &c->source, &t, c->second,
		    since, j->en->conf->audit_unreachable, &e);
	rev_changes_free(&changes);
	if (rc == -1) {
		audit_fault(j, &e);
		return;
	}
	if (audit_commit(j) == -1)
		return;
	if (good) {
		audit_done_source(j, c->source.id, next_in(j, c));
		return;
	}
	audit_fail(j, t.why);
}

static void
both(struct audit_job *j)
{
	struct crl	*c = j->state;

	if (c->fetched && (c->judged || !c->whole || c->unchanged))
		store(j);
}

static void
fetched(struct audit_job *j, const struct fetch_done *d)
{
	struct crl	*c = j->state;

	if (d->id != c->fetch_id)
		return;
	c->fetch_id = 0;
	c->fetched = 1;
	c->unchanged = d->failure == FETCH_OK && d->status == 304 &&
	    c->source.etag != NULL;
	c->whole = d->failure == FETCH_OK && d->status == 200;
	(void)snprintf(c->etag, sizeof(c->etag), "%s", d->etag);
	(void)snprintf(c->last_modified, sizeof(c->last_modified), "%s",
	    d->last_modified);
	/* what is longer than any CRL is a fault of the CRL, not of the way */
	if (d->failure == FETCH_TOO_LARGE)
		(void)snprintf(c->why, sizeof(c->why), "it is longer than %u "
		    "MB", LIMIT_CRL >> 20);
	else if (!c->whole && !c->unchanged)
		audit_refusal(d, c->why, sizeof(c->why));
	both(j);
}

static void
judged(struct audit_job *j, const struct judge_reply *r, struct cur *cur)
{
	struct crl	*c = j->state;
	struct cur	 raw;

	if (r->id != c->ask_id)
		return;
	c->ask_id = 0;
	c->judged = 1;
	buf_reset(&c->raw);
	buf_span(&c->raw, cur_rest(cur));
	raw = cur_span(buf_bytes(&c->raw));
	if (!r->ok || judge_crl_read(&raw, &c->out) == -1) {
		crlscan_out_free(&c->out);
		memset(&c->out, 0, sizeof(c->out));
		c->out.fault = CRL_MALFORMED;
		(void)snprintf(c->out.why, sizeof(c->out.why), "%.200s",
		    r->ok ? "the judge talks nonsense" : r->msg);
	}
	both(j);
}

static void
orphan(struct audit_job *j, const char *why)
{
	struct crl	*c = j->state;

	c->ask_id = 0;
	c->judged = 1;
	crlscan_out_free(&c->out);
	memset(&c->out, 0, sizeof(c->out));
	c->out.fault = CRL_MALFORMED;
	(void)snprintf(c->out.why, sizeof(c->out.why), "%s", why);
	both(j);
}

const struct audit_kind audit_crl = {
	.name = "crl", .most = 32, .begin = begin, .fetched = fetched,
	.judged = judged, .orphan = orphan, .drop = drop
};
