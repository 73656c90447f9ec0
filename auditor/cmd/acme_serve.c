#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme/san.h"
#include "auditor/cmd/acme_role.h"
#include "auditor/role/acme_sock.h"
#include "base/clk.h"
#include "base/mem.h"

/* The clients of the role `acme`: each asks for one thing, and hears of it. */

/* A command says what it wants at once. */
#define HELLO_US	(10 * CLK_SEC)

enum client_at {
	CLIENT_NEW,		/* it has not said what it wants */
	CLIENT_WAITS,		/* for room, or for a new configuration */
	CLIENT_RUNS,
	CLIENT_OVER		/* it has been told, or is gone */
};

struct acme_client {
	struct acme_client	*next;
	struct acme_role	*role;		/* borrowed */
	int			 fd;		/* -1: gone, its order goes on */
	int64_t			 until;		/* to say what it wants */
	enum client_at		 at;
	struct buf		 frame;		/* what it said: msg borrows */
	struct acme_msg		 msg;
	struct san		 names;
	enum challenge_type	 type[CHALLENGE_MAX];
	struct acme_order	 o;
	struct renewal		 r;
};

static void
client_free(struct acme_client *c)
{
	if (c->fd != -1)
		(void)close(c->fd);
	renewal_free(&c->r);
	san_free(&c->names);
	buf_free(&c->frame);
	free(c);
}

/* --- what it is told --- */

/* One that does not read is not waited for. */
static void
post(struct acme_client *c, struct buf *b)
{
	if (c->fd != -1 && acme_sock_send(c->fd, b) == -1) {
		(void)close(c->fd);
		c->fd = -1;
	}
	buf_free(b);
}

static void
tell(void *arg, const char *text)
{
	struct buf	b = BUF_INIT;

	acme_msg_tell(&b, text);
	post(arg, &b);
}

static void
failed(struct acme_client *c, const struct err *e)
{
	struct acme_msg_failed	m = { e->code != ERR_NONE ?
				    (uint16_t)e->code : ERR_SYS, e->msg };
	struct buf		b = BUF_INIT;

	acme_msg_failed(&b, &m);
	post(c, &b);
	c->at = CLIENT_OVER;
	if (e->code == ERR_DB)
		c->role->stop = 1;
}

/* It must do it by itself. */
static void
refuse(struct acme_client *c)
{
	struct buf	b = BUF_INIT;

	acme_msg_refused(&b);
	post(c, &b);
	c->at = CLIENT_OVER;
}

/* --- issue --- */

static int
note(struct acme_client *c, struct err *e)
{
	json_t	*o = json_pack("{ss}", "name", c->msg.u.issue.name);
	char	*text = json_dumps(o, JSON_COMPACT);
	int	 rc;

	json_decref(o);
	rc = db_query(c->role->ctx.db, NULL, e, "insert into audit_trail "
	    "(actor, action, detail) values ($1, 'certificate.issue', "
	    "$2::jsonb)", "ss", c->msg.u.issue.author, text);
	free(text);
	return rc;
}

static void
issued(void *arg, int rc, const struct acme_order_result *got,
    const struct err *why)
{
	struct acme_client	*c = arg;
	const struct cert	*leaf = &got->got.leaf;
	struct acme_msg_issued	 m;
	struct err		 e = *why;
	struct buf		 b = BUF_INIT;

	if (rc == 0)
		rc = note(c, &e);
	if (rc == -1) {
		failed(c, &e);
		return;
	}
	memset(&m, 0, sizeof(m));
	memcpy(m.cert, leaf->cert_sha256, 32);
	memcpy(m.tbs, leaf->tbs_sha256, 32);
	m.serial = leaf->serial;
	m.not_after = leaf->not_after;
	m.dir = got->dir;
	m.order = got->url;
	m.managed = c->o.managed;
	acme_msg_issued(&b, &m);
	post(c, &b);
	c->at = CLIENT_OVER;
	acme_role_hint(c->role);
}

/* What it wants, checked as if it came from a command line. */
static int
prepare(struct acme_client *c, struct err *e)
{
	const struct acme_msg_issue	*m = &c->msg.u.issue;
	struct acme_role		*r = c->role;
	size_t				 i;

	if (san_of(m->names, m->n, &c->names, e) == -1)
		return -1;
	for (i = 0; i < c->names.n && strcmp(c->names.v[i], m->name) != 0;
	    i++)
		;
	if (i == c->names.n)
		return err_set(e, ERR_USAGE, "%.200s is none of the names",
		    m->name);
	c->o.type = c->type;
	c->o.ntypes = acme_place_types(r->ctx.conf, m->challenge, c->type, e);
	if (c->o.ntypes == 0)
		return -1;
	c->o.db = r->ctx.db;
	c->o.conf = r->ctx.conf;
	c->o.account = &r->account;
	c->o.author = m->author;
	c->o.tell = tell;
	c->o.arg = c;
	c->o.want = (struct managed_want){ m->name,
	    { (const char *const *)c->names.v, c->names.n }, "cli",
	    m->challenge, m->key, m->profile,
	    acme_talk_directory(r->ctx.conf), m->chain, m->reuse,
	    m->require };
	return 0;
}

static void
issue(struct acme_client *c)
{
	struct acme_role	*r = c->role;
	struct err		 e = ERR_INIT;

	if (acme_crew_has(&r->crew, c->msg.u.issue.name))
		(void)err_set(&e, ERR_TEMP, "%.200s is being ordered; try "
		    "again when that is over", c->msg.u.issue.name);
	else if (prepare(c, &e) == 0) {
		/* as root it can open ports that are closed to us */
		if (acme_place_open(r->place, c->type, c->o.ntypes, NULL) ==
		    -1) {
			refuse(c);
			return;
		}
		if (acme_role_ready(r, &e) == 0 && managed_put(r->ctx.db,
		    &c->o.want, &c->o.managed, &e) == 0) {
			c->at = CLIENT_RUNS;
			acme_crew_add(&r->crew, &c->o, issued, c);
			return;
		}
	}
	failed(c, &e);
}

/* --- renew --- */

static void
word(void *arg, const struct renewal_word *w)
{
	struct acme_msg_word	m = { w->name, (uint16_t)w->code, w->text,
				    w->serial, w->not_after };
	struct buf		b = BUF_INIT;

	acme_msg_word(&b, &m);
	post(arg, &b);
}

static void
renew(struct acme_client *c)
{
	struct acme_role	*r = c->role;
	struct err		 e = ERR_INIT;
	size_t			 n;

	n = acme_place_types(r->ctx.conf, NULL, c->type, NULL);
	if (acme_place_open(r->place, c->type, n, NULL) == -1) {
		refuse(c);
		return;
	}
	c->r.only = c->msg.u.renew.name;
	c->r.adopted = r->adopted;
	c->r.author = c->msg.u.renew.author;
	c->r.say = word;
	c->r.tell = tell;
	c->r.arg = c;
	if (renewal_load(&c->r, &r->ctx, &e) == -1) {
		failed(c, &e);
		return;
	}
	/* those that failed before are run, too */
	r->hooks.wanted = 1;
	r->hooks.failed = 0;
	if (acme_role_ready(r, &e) == -1) {
		if (e.code == ERR_HTTP || e.code == ERR_NET ||
		    e.code == ERR_SILENT)
			renewal_missed(&c->r, e.msg);
		failed(c, &e);
		return;
	}
	renewal_begin(&c->r, &r->crew, &r->account, &r->hooks);
	c->at = CLIENT_RUNS;
}

/* Its end waits for the deploy hooks, which may fail. */
static void
renew_turn(struct acme_client *c)
{
	struct acme_role		*r = c->role;
	struct acme_msg_renewed		 m;
	struct err			 e = ERR_INIT;
	struct buf			 b = BUF_INIT;
	int				 rc = renewal_turn(&c->r, &e);

	if (rc == -1) {
		failed(c, &e);
		/* orders of it may be under way, and are its own */
		r->stop = 1;
	}
	if (rc != 1 || deploy_hooks_turn(&r->hooks))
		return;
	m = (struct acme_msg_renewed){ (uint32_t)c->r.done,
	    (uint32_t)c->r.failed, (uint32_t)c->r.fresh,
	    (uint32_t)r->hooks.failed };
	r->hooks.failed = 0;
	acme_msg_renewed(&b, &m);
	post(c, &b);
	c->at = CLIENT_OVER;
	acme_role_hint(r);
}

/* --- all of them --- */

/* Its one message. */
static void
hear(struct acme_client *c)
{
	struct err	e = ERR_INIT;

	switch (acme_sock_recv(c->fd, &c->frame)) {
	case -1:
		/* its place is somebody else's after a while */
		if (clk_mono() < c->until)
			return;
		/* FALLTHROUGH */
	case 0:
		c->at = CLIENT_OVER;
		return;
	}
	if (acme_msg_read(buf_bytes(&c->frame), &c->msg, &e) == -1 ||
	    c->msg.type > ACME_MSG_RENEW) {
		(void)err_set(&e, ERR_FORMAT, "that is nothing to ask for");
		failed(c, &e);
		return;
	}
	c->at = CLIENT_WAITS;
}

/* There is room: with the configuration that it has, too? */
static void
serve(struct acme_client *c)
{
	int		 issues = c->msg.type == ACME_MSG_ISSUE;
	const uint8_t	*conf = issues ? c->msg.u.issue.conf :
			    c->msg.u.renew.conf;

	if (memcmp(conf, c->role->conf, ACME_MSG_CONF) != 0)
		refuse(c);
	else if (issues)
		issue(c);
	else
		renew(c);
}

static void
turn(struct acme_client *c)
{
	struct acme_role	*r = c->role;

	if (c->at == CLIENT_NEW)
		hear(c);
	if (c->at == CLIENT_WAITS && !r->reload && !r->stop &&
	    r->crew.n < LIMIT_ACME_FLIGHT)
		serve(c);
	if (c->at == CLIENT_RUNS && c->msg.type == ACME_MSG_RENEW)
		renew_turn(c);
}

static void
accept_all(struct acme_role *r)
{
	struct acme_client	*c;
	int			 fd;

	while (r->nclients < LIMIT_ACME_CLIENTS && r->listening != -1 &&
	    (fd = acme_sock_accept(r->listening)) != -1) {
		c = mem_zero(sizeof(*c));
		c->fd = fd;
		c->until = clk_mono() + HELLO_US;
		c->role = r;
		c->names = (struct san)SAN_INIT;
		c->next = r->clients;
		r->clients = c;
		r->nclients++;
	}
}

void
acme_serve_turn(struct acme_role *r)
{
	struct acme_client	**p = &r->clients, *c;

	accept_all(r);
	while ((c = *p) != NULL) {
		turn(c);
		if (c->at == CLIENT_OVER) {
			*p = c->next;
			r->nclients--;
			client_free(c);
		} else
			p = &c->next;
	}
}

int
acme_serve_busy(const struct acme_role *r)
{
	const struct acme_client	*c;

	for (c = r->clients; c != NULL; c = c->next)
		if (c->at == CLIENT_RUNS)
			return 1;
	return 0;
}

size_t
acme_serve_polls(const struct acme_role *r, struct pollfd *p, size_t n)
{
	const struct acme_client	*c;
	size_t				 k = 0;

	if (n > 0)
		p[k++] = (struct pollfd){ r->nclients < LIMIT_ACME_CLIENTS ?
		    r->listening : -1, POLLIN, 0 };
	for (c = r->clients; c != NULL && k < n; c = c->next)
		if (c->at == CLIENT_NEW)
			p[k++] = (struct pollfd){ c->fd, POLLIN, 0 };
	return k;
}

int
acme_serve_reply(struct acme_role *r, uint64_t id,
    const struct acme_reply *reply)
{
	struct acme_client	*c;

	for (c = r->clients; c != NULL; c = c->next)
		if (c->at == CLIENT_RUNS && c->msg.type == ACME_MSG_RENEW &&
		    renewal_reply(&c->r, id, reply))
			return 1;
	return 0;
}

void
acme_serve_end(struct acme_role *r)
{
	struct acme_client	*c;

	while ((c = r->clients) != NULL) {
		r->clients = c->next;
		client_free(c);
	}
	r->nclients = 0;
	if (r->listening != -1)
		(void)close(r->listening);
	r->listening = -1;
}
