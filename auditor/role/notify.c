#include "auditor/role/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "auditor/alert/digest.h"
#include "auditor/conf.h"
#include "auditor/db/outbox.h"
#include "auditor/role/hook.h"
#include "auditor/role/notify_build.h"
#include "auditor/role/notify_reach.h"
#include "auditor/role/sign_client.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

#define POLL		(1 * CLK_SEC)	/* NOTIFY is only a hint */
#define HOOK_POLL	(CLK_SEC / 10)
#define SLOW_POLL	(60 * CLK_SEC)	/* channels that fail, the digest */
#define TIMEOUT_MS	30000u		/* Standard Webhooks: 15 to 30 s */
#define BEAT_TIMEOUT_MS	20000u

/* A delivery that is under way: a request, or a program. */
struct flight {
	struct outbox_item	*item;	/* owned; NULL: free slot */
	uint64_t		 req;
	struct hook		*hook;
};

struct notify {
	struct db		*db;
	const struct conf	*conf;
	struct fetch_client	*fetch;
	const char		*holder;
	struct notify_build	*build;
	int64_t			 only;
	struct notify_reach	 reach;
	struct flight		 flight[LIMIT_DELIVERIES];
	size_t			 nflight;
	int64_t			 next_poll;
	int64_t			 next_slow;
	int64_t			 next_beat;
	uint64_t		 beat;		/* request under way, or 0 */
	int			 wants;		/* notify_wants() */
};

struct notify *
notify_new(struct db *db, const struct conf *conf, struct fetch_client *fetch,
    struct sign_client *sign, const char *holder)
{
	struct notify *n;

	n = mem_zero(sizeof(*n));
	n->db = db;
	n->conf = conf;
	n->fetch = fetch;
	n->holder = holder;
	n->build = notify_build_new(sign);
	return n;
}

void
notify_free(struct notify *n)
{
	size_t i;

	if (n == NULL)
		return;
	for (i = 0; i < LIMIT_DELIVERIES; i++) {
		hook_free(n->flight[i].hook);
		outbox_item_free(n->flight[i].item, 1);
	}
	notify_build_free(n->build);
	notify_reach_free(&n->reach);
	free(n);
}

void
notify_only(struct notify *n, int64_t delivery)
{
	n->only = delivery;
}

void
notify_reload(struct notify *n, const struct conf *conf)
{
	n->conf = conf;
	n->reach.look_at = 0;
	notify_build_forget(n->build);
}

/* Finish an attempt and free its slot. */
static void
finish(struct notify *n, struct flight *f, const struct outbox_result *r)
{
	struct err e = ERR_INIT;
	const struct outbox_item *it;
	int stale;

	it = f->item;
	if (outbox_finish(n->db, it, r, &stale, &e) == -1)
		log_error(it->channel->conf.name, "delivery %lld: %s; it is "
		    "tried again when its lease has run out",
		    (long long)it->id, e.msg);
	else if (stale)
		log_warn(it->channel->conf.name, "delivery %lld: another "
		    "worker has it by now", (long long)it->id);
	else if (r->ok)
		log_info(it->channel->conf.name, "delivery %lld: delivered",
		    (long long)it->id);
	else
		log_warn(it->channel->conf.name, "delivery %lld: attempt %u "
		    "failed: %s", (long long)it->id, it->attempts, r->error);
	hook_free(f->hook);
	outbox_item_free(f->item, 1);
	memset(f, 0, sizeof(*f));
	n->nflight--;
	n->next_poll = 0;
}

static void
fail(struct notify *n, struct flight *f, const char *why)
{
	struct outbox_result r = { .retry_after = -1, .error = why };

	finish(n, f, &r);
}

static int
start_request(struct notify *n, struct flight *f, const struct message *m,
    struct err *e)
{
	struct notify_request r;
	struct fetch_get get;
	size_t i;
	int rc;

	memset(&r, 0, sizeof(r));
	rc = notify_build_request(n->build, &f->item->channel->conf, m, &r, e);
	if (rc == 0) {
		memset(&get, 0, sizeof(get));
		get.cap = LIMIT_BODY_HEAD;
		get.timeout_ms = TIMEOUT_MS;
		get.method = "POST";
		get.url = r.url;
		for (i = 0; i < r.req.nheaders; i++)
			get.headers[i] = r.req.headers[i];
		get.nheaders = r.req.nheaders;
		get.body = buf_bytes(&r.req.body);
		f->req = fetch_client_get(n->fetch, &get);
	}
	notify_request_free(&r);
	return rc;
}

static int
start_hook(struct notify *n, struct flight *f, const struct message *m,
    struct err *e)
{
	struct exec_cert cert = EXEC_CERT_INIT;
	struct exec_env env = { NULL, 0, 0 };
	struct hook_files files = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT };
	const char *subject;
	int rc;

	subject = message_get(json_array_get(m->findings, 0), "subject");
	rc = outbox_cert(n->db, subject, &cert, e);
	if (rc == 0) {
		notify_build_hook(m, &cert, &env, &files);
		f->hook = hook_start(f->item->channel->conf.program, &env,
		    &files, e);
		rc = f->hook == NULL ? -1 : 0;
	}
	buf_free(&files.input);
	buf_free(&files.cert);
	buf_free(&files.json);
	buf_free(&files.text);
	exec_env_free(&env);
	exec_cert_free(&cert);
	return rc;
}

static void
start(struct notify *n, struct outbox_item *item)
{
	struct err e = ERR_INIT;
	struct message m = MESSAGE_INIT;
	struct flight *f;
	int rc;

	for (f = n->flight; f->item != NULL; f++)
		continue;
	f->item = item;
	n->nflight++;
	rc = outbox_message(n->db, item, &m, &e);
	if (rc == 0)
		rc = strcmp(item->channel->conf.kind, "exec") == 0 ?
		    start_hook(n, f, &m, &e) : start_request(n, f, &m, &e);
	message_free(&m);
	if (rc == -1)
		fail(n, f, e.msg);
}

/* Claim what is due and start it; returns how many. */
static size_t
claim(struct notify *n)
{
	struct outbox_ask ask = { .holder = n->holder, .only = n->only,
	    .max = LIMIT_DELIVERIES - n->nflight };
	struct err e = ERR_INIT;
	struct outbox_item *items, *one;
	size_t i, got;

	if (ask.max == 0)
		return 0;
	if (n->only == 0 && notify_reach_look(&n->reach, n->db, n->holder,
	    clk_mono(), &e) == -1) {
		log_warn("outbox", "%s", e.msg);
		return 0;
	}
	ask.leave = notify_reach_leave(&n->reach);
	if (outbox_claim(n->db, &ask, &items, &got, &e) == -1) {
		log_warn("outbox", "%s", e.msg);
		return 0;
	}
	for (i = 0; i < got; i++) {
		one = mem_dup(&items[i], sizeof(items[i]));
		start(n, one);
	}
	free(items);
	return got;
}

static void
end_hook(struct notify *n, struct flight *f, int status)
{
	struct outbox_result r = { .retry_after = -1 };
	char why[160], *reply;

	reply = notify_build_reply((const uint8_t *)hook_output(f->hook),
	    strlen(hook_output(f->hook)));
	r.reply = reply;
	if (hook_late(f->hook))
		snprintf(why, sizeof(why), "the program took more than %d s "
		    "and was killed", LIMIT_EXEC_SECS);
	else if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "the program died of signal %d",
		    WTERMSIG(status));
	else
		snprintf(why, sizeof(why), "the program ended with status %d",
		    WEXITSTATUS(status));
	r.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	r.ok = !hook_late(f->hook) && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0;
	r.error = r.ok ? NULL : why;
	finish(n, f, &r);
	free(reply);
}

int
notify_child(struct notify *n, pid_t pid, int status)
{
	struct flight *f;
	size_t i;

	for (i = 0; i < LIMIT_DELIVERIES; i++) {
		f = &n->flight[i];
		if (f->hook == NULL || hook_pid(f->hook) != pid)
			continue;
		hook_reaped(f->hook);
		end_hook(n, f, status);
		return 1;
	}
	return 0;
}

/* Look after running programs; 1 when there are any. */
static int
hooks(struct notify *n, int64_t now)
{
	struct flight *f;
	size_t i;
	int status, any;

	any = 0;
	for (i = 0; i < LIMIT_DELIVERIES; i++) {
		f = &n->flight[i];
		if (f->hook == NULL)
			continue;
		if (hook_tick(f->hook, now, &status))
			end_hook(n, f, status);
		else
			any = 1;
	}
	return any;
}

static void
digest(struct notify *n)
{
	struct err e = ERR_INIT;
	int64_t due;
	int sent;

	if (n->conf->digest_at == NULL)
		return;
	if (digest_due(n->conf->digest_at, clk_wall(), &due, &e) == -1 ||
	    outbox_digest(n->db, &n->conf->digest_to, due, &sent, &e) == -1)
		log_warn("digest", "%s", e.msg);
	else if (sent)
		log_info("digest", "put into the outbox");
}

static void
slow(struct notify *n)
{
	struct err e = ERR_INIT;

	if (outbox_failing(n->db, &e) == -1)
		log_warn("outbox", "%s", e.msg);
	digest(n);
}

static void
sooner(int64_t *wake, int64_t when)
{
	if (when < *wake)
		*wake = when;
}

void
notify_tick(struct notify *n, int64_t now, int64_t *wake)
{
	struct outbox_state s;
	struct err e = ERR_INIT;
	int running;

	running = hooks(n, now);
	if (now >= n->next_slow && n->only == 0) {
		n->next_slow = now + SLOW_POLL;
		slow(n);
	}
	if (now >= n->next_poll) {
		n->next_poll = now + POLL;
		if (n->fetch != NULL)
			(void)claim(n);
		if (outbox_look(n->db, &s, &e) == -1)
			log_warn("outbox", "%s", e.msg);
		else if (s.wait > 0 && s.wait < POLL)
			sooner(&n->next_poll, now + s.wait + CLK_SEC / 100);
		else if (s.wait == 0)
			n->wants = 1;
	}
	sooner(wake, n->next_poll);
	if (running)
		sooner(wake, now + HOOK_POLL);
}

int
notify_wants(const struct notify *n)
{
	return n->fetch == NULL && n->wants;
}

int
notify_idle(const struct notify *n)
{
	struct outbox_state s;

	return n->nflight == 0 && outbox_look(n->db, &s, NULL) == 0 &&
	    s.fresh == 0;
}

void
notify_hint(struct notify *n)
{
	n->next_poll = 0;
}

/* What an answer means: 2xx is success, nothing else is. */
static void
end_request(struct notify *n, struct flight *f, const struct fetch_done *d)
{
	struct outbox_result r = { .retry_after = -1 };
	char why[400], *reply;
	size_t len;

	r.status = d->status;
	r.ok = d->status / 100 == 2 && (d->failure == FETCH_OK ||
	    d->failure == FETCH_TOO_LARGE);
	r.gone = d->status == 410;
	if (d->retry_after[0] != '\0')
		r.retry_after = clk_retry_after(d->retry_after, clk_wall());
	len = d->body.n < LIMIT_BODY_REPLY ? d->body.n : LIMIT_BODY_REPLY;
	reply = notify_build_reply(d->body.p, len);
	if (d->failure != FETCH_OK && !r.ok)
		snprintf(why, sizeof(why), "%s: %s",
		    fetch_failure_name(d->failure), d->message);
	else if (d->status / 100 == 3)
		snprintf(why, sizeof(why), "HTTP %d: redirects are not "
		    "followed; give the channel its final URL", d->status);
	else
		snprintf(why, sizeof(why), "HTTP %d", d->status);
	r.error = r.ok ? NULL : why;
	r.reply = reply;
	finish(n, f, &r);
	free(reply);
}

void
notify_done(struct notify *n, const struct fetch_done *d)
{
	size_t i;

	if (d->id == n->beat && n->beat != 0) {
		n->beat = 0;
		if (d->status / 100 != 2)
			log_warn("heartbeat", "%s: %s (status %d)",
			    fetch_failure_name(d->failure), d->message,
			    d->status);
		return;
	}
	for (i = 0; i < LIMIT_DELIVERIES; i++)
		if (n->flight[i].req == d->id && n->flight[i].item != NULL &&
		    n->flight[i].hook == NULL) {
			end_request(n, &n->flight[i], d);
			return;
		}
}

void
notify_restarted(struct notify *n, struct fetch_client *fetch,
    struct sign_client *sign)
{
	size_t i;

	if (sign != NULL)
		notify_build_sign(n->build, sign);
	if (fetch == NULL)
		return;
	n->fetch = fetch;
	n->next_poll = 0;
	n->beat = 0;
	for (i = 0; i < LIMIT_DELIVERIES; i++)
		if (n->flight[i].item != NULL && n->flight[i].hook == NULL)
			fail(n, &n->flight[i], "the fetch process died");
}

int
notify_beats(const struct notify *n)
{
	return n->beat == 0 && (n->conf->heartbeat_url != NULL ||
	    n->conf->heartbeat_url_file != NULL) &&
	    clk_mono() >= n->next_beat;
}

void
notify_heartbeat(struct notify *n, int coverage_good)
{
	struct err e = ERR_INIT;
	struct fetch_get get;
	char *url;

	if (!coverage_good || !notify_beats(n))
		return;
	if (n->fetch == NULL) {
		n->wants = 1;
		return;
	}
	n->next_beat = clk_mono() + n->conf->heartbeat_every * CLK_SEC;
	url = n->conf->heartbeat_url != NULL ? mem_str(n->conf->heartbeat_url)
	    : conf_secret(n->conf->heartbeat_url_file, &e);
	if (url == NULL) {
		log_warn("heartbeat", "%s", e.msg);
		return;
	}
	memset(&get, 0, sizeof(get));
	get.cap = LIMIT_BODY_HEAD;
	get.timeout_ms = BEAT_TIMEOUT_MS;
	get.method = "GET";
	get.url = url;
	n->beat = fetch_client_get(n->fetch, &get);
	mem_wipe(url, strlen(url));
	free(url);
}
