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
/* Who sends less than a KB a second for so long is dead: CRLs are files. */
#define SLOW_MS		15000
/* A source that failed is asked again after so many seconds, then doubling. */
#define RETRY_S		60
/* All that is stored of one CRL at once, as evidence of what it lists. */
#define EVIDENCE	(16u << 20)
/* One that nobody needs is looked at, whether somebody does, so often. */
#define IDLE_S		86400

struct crl {
	struct rev_source_row	 source;
	struct db_res		*serials;
	long			*number;	/* of each in the set; -1: none */
	uint64_t		 fetch_id, ask_id;
	int			 fetched;	/* its end was told */
	int			 whole;		/* 200, and all of it came */
	int			 asked_new;	/* only if it is another one */
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
	free(c->number);
	buf_free(&c->raw);
	crlscan_out_free(&c->out);
	free(c);
}

/*
 * The serials to look for, as a sealed image: its descriptor, or -1.  One
 * that is no number is in no set, and must not move the numbers of others.
 */
static int
seal(struct crl *c, uint64_t *size, struct err *e)
{
	struct crlset_build	*b = crlset_new();
	struct buf		 image = BUF_INIT;
	size_t			 i, at;
	ssize_t			 n;
	int			 fd;

	/* what is no serial has no number, and the next one takes it */
	free(c->number);
	c->number = mem_array(db_rows(c->serials), sizeof(*c->number));
	for (i = 0; i < db_rows(c->serials); i++)
		c->number[i] = crlset_add(b, db_text(c->serials, i, 0), NULL);
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
	fds[1] = seal(c, &q.set_size, &e);
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

/* Nothing is valid that it speaks of; what comes asks for it. */
static void
idle(struct audit_job *j)
{
	struct crl	*c = j->state;
	struct err	 e = ERR_INIT;

	if (audit_begin(j) == -1)
		return;
	if (rev_find_idle(j->en->db, &c->source, &e) == -1)
		audit_fault(j, &e);
	else if (audit_commit(j) == 0)
		audit_done_source(j, c->source.id, IDLE_S);
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
		idle(j);
		return;
	}
	/* it would be at fault for what we do not have */
	if (c->source.issuer.n == 0) {
		audit_fail(j, "the issuer's certificate is not at hand");
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
	g.slow_ms = SLOW_MS;
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
	c->asked_new = g.nheaders != 0;
	if (ask(j, p[0]) == 0)
		c->fetch_id = audit_pipe(j, &g, p[1]);
	else
		(void)close(p[1]);
	(void)close(p[0]);
}

/* --- what came of it ------------------------------------------------------------ */

/*
 * What a hit says, with its evidence while there is room for it; ${mem} holds
 * the parts of it.
 */
static void
hit_word(const struct crlscan_out *out, const struct crlscan_hit *h,
    struct buf *mem, struct rev_word *w, size_t *left)
{
	/* the whole CRL for each of many would be gigabytes */
	int		whole = out->kept.n != 0 &&
			    out->nhits <= EVIDENCE / out->kept.n;
	size_t		cost = whole ? out->kept.n : out->header.n +
			    out->tail.n + h->raw.n;
	struct crlparts	parts;

	w->status = REV_REVOKED;
	w->reason = h->reason;
	w->stated_at = h->at;
	w->refusal = "";
	if (cost > *left)
		return;
	*left -= cost;
	/* without its entry there is no evidence of it */
	w->form = whole ? "crl" : h->raw.n != 0 ? "crl_parts" : NULL;
	w->raw = buf_bytes(&out->kept);
	if (!whole && h->raw.n != 0) {
		crlparts_of(out, h, &parts);
		crlparts_pack(mem, &parts);
		w->raw = buf_bytes(mem);
	}
}

/* Which hit has each number of the set; free() it. */
static const struct crlscan_hit **
hits(const struct crlscan_out *out, size_t n)
{
	const struct crlscan_hit	**v = mem_array(n, sizeof(*v));
	size_t				  i;

	for (i = 0; i < out->nhits; i++)
		if (out->hits[i].number >= 0 &&
		    (size_t)out->hits[i].number < n)
			v[out->hits[i].number] = &out->hits[i];
	return v;
}

/*
 * What the CRL says of each serial.  With a fault only what it revokes counts:
 * of the others stays what was known.
 */
static int
words(struct audit_job *j, int64_t *news, struct err *e)
{
	struct crl			 *c = j->state;
	size_t				  rows = db_rows(c->serials), n = 0, i;
	struct rev_word			 *w = mem_array(rows, sizeof(*w));
	struct buf			 *mem = mem_array(rows, sizeof(*mem));
	size_t				  left = EVIDENCE;
	const struct crlscan_hit	**hit = hits(&c->out, rows), *h;
	int				  revokes = c->out.fault == CRL_OK ||
					      crl_fault_revokes(c->out.fault);
	int				  rc;

	for (i = 0; i < rows; i++) {
		h = c->number[i] != -1 && revokes ? hit[c->number[i]] : NULL;
		if (h == NULL && c->out.fault != CRL_OK)
			continue;
		w[n] = (struct rev_word){ .serial = db_text(c->serials, i, 0),
		    .status = c->number[i] != -1 ? REV_GOOD : REV_UNKNOWN,
		    .reason = -1, .stated_at = INT64_MIN,
		    .refusal = c->number[i] != -1 ? "" : "no CRL can list "
		    "what is no serial number", .fresh_until = INT64_MIN,
		    .sha256 = { c->out.tbs_sha256, 32 } };
		if (h != NULL)
			hit_word(&c->out, h, &mem[n], &w[n], &left);
		n++;
	}
	rc = rev_words(j->en->db, c->source.id, c->source.issuer_spki, w, n,
	    news, e);
	for (i = 0; i < rows; i++)
		buf_free(&mem[i]);
	free(mem);
	free(w);
	free(hit);
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
	t->sha256 = (struct span){ c->out.tbs_sha256, 32 };
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

/*
 * What it says becomes the status of its certificates.  While it was good and
 * not past its nextUpdate, and has nothing new, it changes none of them: the
 * hundred parts of one CA's list would merge all of its certificates each.
 */
static int
publish(struct audit_job *j, int good, struct err *e)
{
	struct crl		*c = j->state;
	struct rev_which	 which = { c->source.issuer_spki,
				    c->source.id, NULL };
	struct rev_changes	 changes = { NULL, 0, 0 };
	int64_t			 news = 0;
	int			 rc = 0;

	if (c->whole && !c->unchanged)
		rc = words(j, &news, e);
	if (rc == 0 && good && news == 0 &&
	    c->source.failing_since == INT64_MIN &&
	    c->source.next_update > clk_wall())
		return rev_merge_seen(j->en->db, &which, e);
	if (rc == 0)
		rc = rev_merge_some(j->en->db, &which, &changes, e);
	if (rc == 0)
		rc = rev_find(j->en->db, j->en->conf, c->source.issuer_spki, &changes, e);
	rev_changes_free(&changes);
	return rc;
}

static void
store(struct audit_job *j)
{
	struct crl		*c = j->state;
	struct rev_source_state	 t;
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
	if (rc == 0)
		rc = publish(j, good, &e);
	if (rc == 0)
		rc = rev_find_source(j->en->db, &c->source, &t, c->second,
		    since, j->en->conf->audit_unreachable, &e);
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

/* Kept to ask with, as it is: what is cut, or is no ASCII, is none. */
static void
validator(char *out, size_t cap, const char *s)
{
	size_t	n;

	for (n = 0; s[n] >= ' ' && s[n] <= '~'; n++)
		;
	(void)snprintf(out, cap, "%s", s[n] == '\0' && n < cap ? s : "");
}

static void
fetched(struct audit_job *j, const struct fetch_done *d)
{
	struct crl	*c = j->state;

	if (d->id != c->fetch_id)
		return;
	c->fetch_id = 0;
	c->fetched = 1;
	/* who was not asked for news has none to deny */
	c->unchanged = d->failure == FETCH_OK && d->status == 304 &&
	    c->asked_new;
	c->whole = d->failure == FETCH_OK && d->status == 200;
	validator(c->etag, sizeof(c->etag), d->etag);
	validator(c->last_modified, sizeof(c->last_modified),
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
