#include "auditor/role/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "acme/ari.h"
#include "auditor/ari_place.h"
#include "auditor/db/watcher.h"
#include "auditor/due.h"
#include "auditor/role/judge_ari.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

/*
 * Kind "ari": one certificate of a watched name that is not ours, by its
 * tbs_sha256: when does its CA want it to be renewed (RFC 9773)?  Everybody
 * may ask.  A window that moved into the past tells hours before the CRL that
 * the CA has revoked it, or is about to.
 */

#define TIMEOUT_MS	20000
#define REQUESTED	"renewal.requested"

struct ari_job {
	struct ari_ask	 ask;
	uint64_t	 ask_id, fetch_id;
	int		 answered;	/* the judge has the CA's answer */
	int64_t		 wait;		/* seconds until the next time */
};

static void
drop(struct audit_job *j)
{
	struct ari_job	*a = j->state;

	ari_ask_free(&a->ask);
	free(a);
}

static void
fetch(struct audit_job *j, const char *id)
{
	struct ari_job		*a = j->state;
	struct fetch_get	 g;
	const char		*place = a->ask.place;
	size_t			 n = strlen(place);
	char			*url;

	while (n > 0 && place[n - 1] == '/')
		n--;
	url = mem_printf("%.*s/%s", (int)n, place, id);
	memset(&g, 0, sizeof(g));
	g.cap = LIMIT_ARI;
	g.timeout_ms = TIMEOUT_MS;
	g.method = "GET";
	g.url = url;
	a->fetch_id = audit_get(j, &g);
	free(url);
}

static void
begin(struct audit_job *j)
{
	struct ari_job		*a = mem_zero(sizeof(*a));
	struct ari_places	 p;
	struct buf		 b = BUF_INIT;
	struct err		 e = ERR_INIT;
	int			 rc;

	j->state = a;
	ari_place(j->en->conf, &p);
	rc = ari_store_ask(j->en->db, j->lease.subject, &p, &a->ask, &e);
	ari_place_free(&p);
	if (rc == -1)
		audit_fault(j, &e);
	else if (rc == 0)
		audit_done(j, -1);
	else if (a->ask.id != NULL)
		fetch(j, a->ask.id);
	else {
		judge_ari_pack(&b, JUDGE_ARI_CERT, a->ask.der);
		a->ask_id = audit_ask(j, JUDGE_ARI, &b, NULL, 0);
		buf_free(&b);
	}
}

/* No answer that counts (RFC 9773 4.3): in six hours again. */
static void
refused(struct audit_job *j, const char *why)
{
	struct ari_job	*a = j->state;
	struct err	 e = ERR_INIT;

	if (ari_store_error(j->en->db, &a->ask.tbs, why, &e) == -1)
		audit_fault(j, &e);
	else
		audit_done(j, ARI_WAIT);
}

static void
fetched(struct audit_job *j, const struct fetch_done *d)
{
	struct ari_job	*a = j->state;
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;
	char		 why[400];

	if (d->id != a->fetch_id)
		return;
	a->wait = ari_wait(d->retry_after, clk_wall());
	if (d->failure == FETCH_OK && d->status == 200) {
		a->answered = 1;
		judge_ari_pack(&b, JUDGE_ARI_ANSWER, d->body);
		a->ask_id = audit_ask(j, JUDGE_ARI, &b, NULL, 0);
		buf_free(&b);
		return;
	}
	audit_refusal(d, why, sizeof(why));
	/* it is away, or has too much to do: sooner, with a growing pause */
	if (d->failure != FETCH_OK || d->status >= 500 || d->status == 429) {
		if (ari_store_error(j->en->db, &a->ask.tbs, why, &e) == -1)
			audit_fault(j, &e);
		else
			audit_fail(j, why);
	} else
		refused(j, why);
}

/* --- what it says --------------------------------------------------------- */

/* A time of the window, chosen once. */
static int64_t
pick(const struct ari_ask *a, const struct ari *said)
{
	uint64_t	random;

	if (a->pick != INT64_MIN && a->start == said->start &&
	    a->end == said->end)
		return a->pick;
	if (RAND_bytes((uint8_t *)&random, sizeof(random)) != 1)
		abort();
	return ari_pick(said, random);
}

static int
tell(struct audit_job *j, const struct ari_ask *a, const char *url,
    struct err *e)
{
	char		why[400], t[2][CLK_TEXT];
	char		*d;
	json_t		*o;
	struct finding	f = { .kind = REQUESTED, .severity = "high",
	    .subject = j->lease.subject, .reason = why };
	int		rc;

	(void)snprintf(why, sizeof(why), "the CA asks for early renewal: it "
	    "has revoked this certificate, or will%s%.250s", url[0] != '\0' ?
	    "; see " : "", url);
	o = json_pack("{s{ss ss} ss ss}", "window", "start", clk_text(a->start,
	    t[0]), "end", clk_text(a->end, t[1]), "asked", a->place,
	    "explanation", url);
	d = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	f.detail = d;
	rc = watcher_open(j->en->db, a->tbs.p, &f, NULL, e);
	free(d);
	return rc;
}

static void
take(struct audit_job *j, const struct judge_ari *r)
{
	struct ari_job		*a = j->state;
	struct ari_ask		 now = a->ask;
	const struct ari	 said = { r->start, r->end, NULL };
	const struct due_window	 w = { r->start, r->end, now.not_before,
				    now.not_after };
	struct err		 e = ERR_INIT;
	int64_t			 t = clk_wall();
	int			 moved, rc = 0;

	if (r->end <= r->start) {
		audit_fail(j, "the judge talks nonsense");
		return;
	}
	moved = due_moved(&w, now.start, now.end, t);
	now.start = r->start;
	now.end = r->end;
	now.pick = pick(&a->ask, &said);
	if (moved && now.moved_at == INT64_MIN)
		now.moved_at = t;
	else
		moved = 0;
	if (r->end > t)
		now.moved_at = INT64_MIN;
	if (audit_begin(j) == -1)
		return;
	if (moved)
		rc = tell(j, &now, r->url, &e);
	else if (r->end > t && a->ask.moved_at != INT64_MIN)
		rc = watcher_gone(j->en->db, REQUESTED, j->lease.subject,
		    "the CA's window lies ahead again", &e);
	if (rc == -1 || ari_store_said(j->en->db, &now, r->url[0] != '\0' ?
	    r->url : NULL, &e) == -1)
		audit_fault(j, &e);
	else if (audit_commit(j) == 0)
		audit_done(j, a->wait);
}

/* The certificate's identifier: from now on it is known. */
static void
identify(struct audit_job *j, const char *id)
{
	struct ari_job	*a = j->state;
	struct err	 e = ERR_INIT;

	if (ari_store_id(j->en->db, &a->ask.tbs, id, &e) == -1)
		audit_fault(j, &e);
	else if (id == NULL)
		audit_done(j, -1);
	else
		fetch(j, id);
}

static void
judged(struct audit_job *j, const struct judge_reply *r, struct cur *c)
{
	struct ari_job		*a = j->state;
	struct judge_ari	 said;

	if (r->id != a->ask_id)
		return;
	if (!r->ok && a->answered)
		refused(j, r->msg);
	else if (!r->ok)
		identify(j, NULL);
	else if (judge_ari_read(c, &said) == -1)
		audit_fail(j, "the judge talks nonsense");
	else if (a->answered)
		take(j, &said);
	else
		identify(j, said.id);
}

const struct audit_kind audit_ari = {
	.name = "ari", .most = 4, .begin = begin, .fetched = fetched,
	.judged = judged, .drop = drop
};
