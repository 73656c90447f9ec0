#include "auditor/role/acme_talk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "acme/nonce.h"
#include "acme/problem.h"
#include "auditor/ipc.h"
#include "auditor/role/acme_pace.h"
#include "auditor/role/acme_silence.h"
#include "auditor/role/children.h"
#include "auditor/role/fetch_client.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

#define TIMEOUT_MS	30000
/* A nonce that is not taken is replaced so often: 50 % refused, and none. */
#define NONCE_TRIES	40

/* An answer that came, in a row of them. */
struct heard {
	struct heard		*next;
	struct fetch_done	 d;
	struct buf		 body;
	char			 why[320];
};

struct acme_talk {
	const struct conf	*conf;
	const char		*url;		/* of the directory */
	struct fetch_client	*fetch;
	struct sign_client	*sign;
	struct directory	 dir;
	struct url_pin		 pin;
	struct buf		 hosts;		/* for the sign process */
	uint8_t			 authority[SIGN_AUTHORITY];
	int			 operator;
	acme_talk_tell		*tell;
	void			*arg;		/* of tell */
	int			 next;		/* the account's next key */
	struct nonce		 nonces;
	const struct acme_account_row *account;
	struct heard		*first, **last;	/* answers that wait */
	struct heard		*held;		/* given out last */
	struct acme_pace	 pace;
	uint64_t		 heads[LIMIT_ACME_NONCES];	/* on their way */
	size_t			 nheads;
	int64_t			 takes;		/* the CA, to answer */
	struct err		 no_nonce;	/* why the last did not come */
};

static void
heard_free(struct heard *h)
{
	if (h == NULL)
		return;
	buf_free(&h->body);
	free(h);
}

void
acme_talk_free(struct acme_talk *t)
{
	struct heard	*h;

	if (t == NULL)
		return;
	while ((h = t->first) != NULL) {
		t->first = h->next;
		heard_free(h);
	}
	heard_free(t->held);
	fetch_client_free(t->fetch);
	sign_client_free(t->sign);
	directory_free(&t->dir);
	buf_free(&t->hosts);
	OPENSSL_cleanse(t->authority, sizeof(t->authority));
	free(t);
}

const struct directory *
acme_talk_dir(const struct acme_talk *t)
{
	return &t->dir;
}

const struct url_pin *
acme_talk_pin(const struct acme_talk *t)
{
	return &t->pin;
}

struct sign_client *
acme_talk_sign(struct acme_talk *t)
{
	return t->sign;
}

void
acme_talk_as(struct acme_talk *t, const struct acme_account_row *a)
{
	t->account = a;
}

void
acme_talk_next(struct acme_talk *t, int on)
{
	t->next = on;
}

/* What only a person may have signed. */
static struct span
authority(const struct acme_talk *t)
{
	if (!t->operator)
		return (struct span){ NULL, 0 };
	return (struct span){ t->authority, sizeof(t->authority) };
}

int
acme_talk_roll(struct acme_talk *t, const char *kind, struct buf *inner,
    struct err *e)
{
	struct sign_roll	r;

	if (t->dir.key_change == NULL)
		return err_set(e, ERR_HTTP, "%.200s: this CA changes no "
		    "account's key (keyChange, RFC 8555 7.3.5)", t->url);
	memset(&r, 0, sizeof(r));
	r.account = t->account->key_id;
	r.kind = kind;
	r.hosts = buf_text(&t->hosts);
	r.url = t->dir.key_change;
	r.kid = t->account->url;
	r.authority = authority(t);
	return sign_client_roll(t->sign, &r, inner, e);
}

int
acme_talk_rolled(struct acme_talk *t, int commit, struct err *e)
{
	return sign_client_rolled(t->sign, t->account->key_id, commit,
	    authority(t), e);
}

/* --- answers ------------------------------------------------------------------ */

/* The fetch process died: our own fault, and no word about the order. */
static int
lost(struct err *e)
{
	if (e != NULL)
		e->code = ERR_SYS;
	return -1;
}

/* The shorter counts more: what is longer may have had to connect first. */
static void
time_it(struct acme_talk *t, const struct fetch_done *d)
{
	int64_t	us = d->us < INT64_MAX ? (int64_t)d->us : INT64_MAX;

	if (d->failure != FETCH_OK)
		return;
	t->takes = t->takes == 0 || us < t->takes ? us :
	    t->takes + (us - t->takes) / 8;
}

/* Was it asked for a nonce ahead?  Then nobody waits for it: 1. */
static int
was_ahead(struct acme_talk *t, const struct fetch_done *d)
{
	size_t	i;

	for (i = 0; i < t->nheads && t->heads[i] != d->id; i++)
		;
	if (i == t->nheads)
		return 0;
	t->heads[i] = t->heads[--t->nheads];
	if (d->nonce[0] != '\0')
		err_clear(&t->no_nonce);
	else if (d->failure != FETCH_OK)
		(void)err_set(&t->no_nonce, d->failure == FETCH_TIMEOUT ?
		    ERR_SILENT : ERR_NET, "%.200s: %s", t->dir.new_nonce,
		    d->message);
	else
		(void)err_set(&t->no_nonce, ERR_HTTP, "%.200s: no nonce (RFC "
		    "8555, 7.2): HTTP %u", t->dir.new_nonce,
		    (unsigned)d->status);
	return 1;
}

static void
keep(struct acme_talk *t, const struct fetch_done *d)
{
	struct heard	*h = mem_zero(sizeof(*h));

	h->d = *d;
	buf_span(&h->body, d->body);
	*t->last = h;
	t->last = &h->next;
}

/* Take in what has come; wait at most so long for the first of it. */
static int
pump(struct acme_talk *t, int ms, struct err *e)
{
	struct fetch_done	 d;
	struct pollfd		 p;
	int			 rc;

	if (fetch_client_turn(t->fetch, e) == -1)
		return lost(e);
	for (;;) {
		while ((rc = fetch_client_next(t->fetch, &d, e)) == 1) {
			if (d.nonce[0] != '\0')
				(void)nonce_put(&t->nonces, d.nonce);
			time_it(t, &d);
			acme_pace_said(&t->pace, d.id, d.status,
			    d.retry_after, clk_wall());
			if (!was_ahead(t, &d))
				keep(t, &d);
			ms = 0;
		}
		if (rc == -1)
			return lost(e);
		p.fd = acme_talk_fd(t, &p.events);
		if (poll(&p, 1, ms) <= 0)
			return 0;
		if (fetch_client_turn(t->fetch, e) == -1)
			return lost(e);
		if (ms == 0 && t->first != NULL &&
		    !ipc_wants_write(fetch_client_ipc(t->fetch)))
			return 0;
	}
}

/* As acme/ wants it. */
static void
reply_of(struct heard *h, struct acme_reply *r)
{
	memset(r, 0, sizeof(*r));
	r->status = h->d.failure == FETCH_OK ? h->d.status : 0;
	(void)snprintf(h->why, sizeof(h->why), "%s: %s",
	    fetch_failure_name(h->d.failure), h->d.message);
	r->why = h->why;
	r->final = h->d.failure == FETCH_TOO_LARGE ||
	    h->d.failure == FETCH_HEADERS || h->d.failure == FETCH_POLICY;
	r->silent = h->d.failure == FETCH_TIMEOUT;
	r->nonce = h->d.nonce;
	r->location = h->d.location;
	r->links = h->d.links;
	r->retry_after = h->d.retry_after;
	r->type = h->d.type;
	r->body = buf_bytes(&h->body);
}

/* Take answer ${id} (0: the first) out of those that wait: 1 or 0. */
static int
take(struct acme_talk *t, uint64_t id, uint64_t *which, struct acme_reply *r)
{
	struct heard	**p, *h;

	for (p = &t->first; (h = *p) != NULL; p = &h->next) {
		if (id != 0 && h->d.id != id)
			continue;
		*p = h->next;
		if (*p == NULL)
			t->last = p;
		heard_free(t->held);
		t->held = h;
		*which = h->d.id;
		reply_of(h, r);
		return 1;
	}
	return 0;
}

int64_t
acme_talk_takes(const struct acme_talk *t)
{
	return t->takes;
}

int
acme_talk_fd(const struct acme_talk *t, short *events)
{
	*events = (short)(POLLIN | (ipc_wants_write(fetch_client_ipc(
	    t->fetch)) ? POLLOUT : 0));
	return ipc_fd(fetch_client_ipc(t->fetch));
}

int
acme_talk_hear(struct acme_talk *t, int ms, uint64_t *id,
    struct acme_reply *r, struct err *e)
{
	if (take(t, 0, id, r))
		return 1;
	if (pump(t, ms, e) == -1)
		return -1;
	return take(t, 0, id, r);
}

/* The answer to one request. */
static int
wait_for(struct acme_talk *t, uint64_t id, struct acme_reply *r,
    struct err *e)
{
	const int64_t		 us = TIMEOUT_MS * (CLK_SEC / 1000);
	int64_t			 end = clk_mono() + 2 * us;
	struct acme_silence	 s = { 0, 0, 0, 0, "" };
	uint64_t		 which;
	char			 text[400];

	acme_silence_begin(&s, clk_wall(), us);
	while (!take(t, id, &which, r)) {
		if (clk_mono() > end)
			return err_set(e, ERR_SYS, "the fetch process hangs");
		if (pump(t, 1000, e) == -1)
			return -1;
		if (acme_silence_turn(&s, clk_wall(), text, sizeof(text)) ==
		    ACME_SILENCE_TELL)
			t->tell(t->arg, text);
	}
	return 0;
}

/* --- requests ------------------------------------------------------------------- */

static uint64_t
get(struct acme_talk *t, const char *method, const char *url)
{
	struct fetch_get	g;

	memset(&g, 0, sizeof(g));
	g.cap = LIMIT_ACME_BODY;
	g.timeout_ms = TIMEOUT_MS;
	g.method = method;
	g.url = url;
	return fetch_client_get(t->fetch, &g);
}

void
acme_talk_ahead(struct acme_talk *t, size_t n)
{
	while (t->nonces.n + t->nheads < n && t->nheads < LIMIT_ACME_NONCES)
		t->heads[t->nheads++] = get(t, "HEAD", t->dir.new_nonce);
}

int
acme_talk_ready(struct acme_talk *t, int fresh)
{
	if (acme_talk_waits(t, fresh))
		return 0;
	/* it does not come: who sends something hears why */
	if (t->nonces.n != 0 || t->no_nonce.code != ERR_NONE)
		return 1;
	if (t->nheads == 0)
		acme_talk_ahead(t, 1);
	return 0;
}

int64_t
acme_talk_when(struct acme_talk *t, int fresh)
{
	int64_t	now = clk_wall(), when;

	when = acme_pace_when(&t->pace, fresh, now);
	return when > now ? when : now + CLK_SEC;
}

int
acme_talk_waits(struct acme_talk *t, int fresh)
{
	int64_t	now = clk_wall();

	return acme_pace_when(&t->pace, fresh, now) > now;
}

/* A nonce, asked for when there is none: 0, or -1 and why not. */
static int
nonce(struct acme_talk *t, char out[LIMIT_ACME_NONCE + 1], struct err *e)
{
	struct acme_reply	 r;
	struct heard		*held = t->held;
	int			 rc;

	if (nonce_take(&t->nonces, out) == 0)
		return 0;
	if (t->no_nonce.code != ERR_NONE) {
		(void)err_set(e, t->no_nonce.code, "%s", t->no_nonce.msg);
		err_clear(&t->no_nonce);
		return -1;
	}
	/* what was given out is still looked at by who sends this */
	t->held = NULL;
	rc = wait_for(t, get(t, "HEAD", t->dir.new_nonce), &r, e);
	if (rc == 0 && nonce_take(&t->nonces, out) == -1)
		rc = err_set(e, r.silent ? ERR_SILENT : ERR_HTTP, "%.200s: no nonce (RFC 8555, 7.2): "
		    "%s", t->dir.new_nonce, r.status == 0 ? r.why :
		    "the answer has no Replay-Nonce");
	heard_free(t->held);
	t->held = held;
	return rc;
}

/* The body of a signed request. */
static int
signed_body(struct acme_talk *t, const struct acme_ask *a, const char *cert,
    struct buf *out, struct err *e)
{
	char		n[LIMIT_ACME_NONCE + 1];
	int		alone = a->purpose == ACME_ACCOUNT_NEW ||
			    a->purpose == ACME_REVOKE_KEY;
	struct sign_ask	q;

	if (nonce(t, n, e) == -1)
		return -1;
	memset(&q, 0, sizeof(q));
	q.purpose = a->purpose;
	q.account = a->purpose == ACME_REVOKE_KEY ? "" : t->account->key_id;
	q.cert = cert;
	q.hosts = buf_text(&t->hosts);
	q.url = a->url;
	q.nonce = n;
	q.kid = alone ? "" : t->account->url;
	q.payload = (struct span){ (const uint8_t *)a->payload,
	    strlen(a->payload) };
	q.next = t->next;
	q.authority = authority(t);
	return sign_client_ask(t->sign, &q, out, e);
}

uint64_t
acme_talk_send(struct acme_talk *t, const struct acme_ask *a,
    const char *cert, struct err *e)
{
	struct fetch_get	g;
	struct buf		body = BUF_INIT;
	uint64_t		id = 0;

	if (a->payload == NULL)
		return get(t, a->purpose == ACME_NONCE ? "HEAD" : "GET",
		    a->url);
	memset(&g, 0, sizeof(g));
	g.cap = LIMIT_ACME_BODY;
	g.timeout_ms = TIMEOUT_MS;
	g.method = "POST";
	g.url = a->url;
	g.headers[g.nheaders++] = "Content-Type: application/jose+json";
	if (signed_body(t, a, cert, &body, e) == 0) {
		g.body = buf_bytes(&body);
		id = fetch_client_get(t->fetch, &g);
		/* on its way now; what is wrong is seen when it is heard */
		(void)ipc_flush(fetch_client_ipc(t->fetch), NULL);
		acme_pace_sent(&t->pace, id, a->purpose == ACME_ORDER_NEW,
		    clk_wall());
	}
	buf_free(&body);
	return id;
}

static int
nonce_refused(const struct acme_reply *r)
{
	struct problem	p;
	int		yes;

	if (r->status != 400)
		return 0;
	problem_read(&p, r, clk_wall());
	yes = p.type == PROBLEM_BAD_NONCE;
	problem_free(&p);
	return yes;
}

int
acme_talk_call(struct acme_talk *t, const struct acme_ask *a,
    const char *cert, struct acme_reply *r, struct err *e)
{
	uint64_t	id;
	int		tries;

	for (tries = 0; tries < NONCE_TRIES; tries++) {
		memset(r, 0, sizeof(*r));
		id = acme_talk_send(t, a, cert, e);
		if (id == 0 || wait_for(t, id, r, e) == -1)
			return -1;
		if (r->status == 0)
			return err_set(e, r->silent ? ERR_SILENT : ERR_NET,
			    "%.200s: %s%s", a->url,
			    r->why, t->held->d.failure == FETCH_TLS &&
			    t->conf->acme_ca_file == NULL ? "; roots of a "
			    "private CA go into acme.ca_file" :
			    t->held->d.failure == FETCH_TLS ? "; it is not "
			    "signed below a root of acme.ca_file" : "");
		if (!nonce_refused(r))
			return 0;
	}
	return 0;
}

/* --- the beginning ----------------------------------------------------------------- */

static int
read_dir(struct acme_talk *t, struct err *e)
{
	struct acme_ask		a = { ACME_DIRECTORY, t->url, NULL, 0 };
	struct acme_reply	r;

	if (acme_talk_call(t, &a, "", &r, e) == -1)
		return -1;
	if (r.status != 200)
		return err_set(e, ERR_HTTP, "acme.directory: %.200s answers "
		    "HTTP %ld", t->url, r.status);
	if (directory_read(&t->dir, r.body, &t->pin, e) == -1) {
		/* whatever is wrong with it: a CA that cannot be used */
		if (e != NULL)
			e->code = ERR_HTTP;
		(void)err_prefix(e, "acme.directory: %.200s", t->url);
		return -1;
	}
	return 0;
}

/* The process that signs; what key files are encrypted with goes to it. */
static int
open_sign(struct acme_talk *t, struct sign_setup *s, struct err *e)
{
	char	*pass = NULL;

	if (t->conf->acme_key_passphrase != NULL && (pass =
	    conf_secret(t->conf->acme_key_passphrase, e)) == NULL)
		return err_prefix(e, "acme.key_passphrase_file");
	s->passphrase = pass;
	t->sign = sign_client_open(s, e);
	if (pass != NULL)
		OPENSSL_cleanse(pass, strlen(pass));
	free(pass);
	return t->sign != NULL ? 0 : -1;
}

struct acme_talk *
acme_talk_new(const struct conf *c, int operator, acme_talk_tell *tell,
    void *arg, struct err *e)
{
	struct acme_talk	*t = mem_zero(sizeof(*t));
	struct sign_setup	 s;
	struct buf		 live = BUF_INIT;
	size_t			 i;

	t->conf = c;
	t->url = acme_talk_directory(c);
	t->last = &t->first;
	t->operator = operator;
	t->tell = tell;
	t->arg = arg;
	acme_pace_init(&t->pace, t->url, clk_wall());
	memset(&s, 0, sizeof(s));
	s.state_dir = c->state_dir;
	s.http = c->egress_allow_private.n != 0;
	buf_fmt(&live, "%s/live", c->state_dir);
	s.deploy = c->deploy_dir != NULL ? c->deploy_dir : buf_text(&live);
	if (operator) {
		if (RAND_bytes(t->authority, sizeof(t->authority)) != 1)
			abort();
		s.authority = (struct span){ t->authority,
		    sizeof(t->authority) };
	}
	if (mkdir(s.deploy, 0755) == -1 && errno != EEXIST) {
		(void)err_set(e, ERR_SYS, "acme.deploy.dir: making %s",
		    s.deploy);
		goto err;
	}
	if (url_pin(&t->pin, t->url, s.http, e) == -1)
		goto err;
	t->pin.hosts = (const char *const *)c->acme_hosts.v;
	t->pin.nhosts = c->acme_hosts.n;
	buf_str(&t->hosts, t->pin.host);
	for (i = 0; i < t->pin.nhosts; i++)
		buf_fmt(&t->hosts, " %s", t->pin.hosts[i]);
	t->fetch = children_fetch(c, EGRESS_ACME, e);
	if (t->fetch == NULL || open_sign(t, &s, e) == -1 ||
	    read_dir(t, e) == -1)
		goto err;
	buf_free(&live);
	return t;
err:
	buf_free(&live);
	acme_talk_free(t);
	return NULL;
}
