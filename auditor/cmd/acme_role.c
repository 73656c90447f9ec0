#include "auditor/cmd/acme_role.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/acme.h"
#include "auditor/conf.h"
#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/acme_sock.h"
#include "auditor/role/challenge_listen.h"
#include "auditor/role/engine.h"
#include "base/clk.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#define BOSS_MS		10000
/* How often it is looked whether something is due, at most. */
#define LOOK_S		600
/* The directory is read anew after so long, when nothing is under way. */
#define TALK_US		(24 * 3600 * CLK_SEC)
/* How soon the end of a deploy hook is seen. */
#define HOOK_MS		50
#define LISTEN_US	(10 * CLK_SEC)
#define HINT_US		(CLK_SEC / 2)
#define POLLS		1024

/* --- the conversation --- */

static void
tell_log(void *arg, const char *text)
{
	(void)arg;
	log_warn("acme", "%s", text);
}

static void
hang_up(struct acme_role *r)
{
	acme_talk_free(r->talk);
	r->talk = r->crew.talk = NULL;
	acme_account_free(&r->account);
}

static int
call_up(struct acme_role *r, struct err *e)
{
	if (r->talk != NULL)
		return 0;
	/* no person need be there: no authority is given */
	r->talk = r->crew.talk = acme_talk_new(r->ctx.conf, 0,
	    tell_log, NULL, e);
	r->talk_at = clk_mono();
	return r->talk != NULL ? 0 : -1;
}

int
acme_role_ready(struct acme_role *r, struct err *e)
{
	int	made;

	if (call_up(r, e) == -1)
		return -1;
	/* another process may have changed it; not while it is in use */
	if (r->crew.n != 0 && r->account.id != 0)
		return 0;
	acme_account_free(&r->account);
	return acme_account(&r->ctx, r->talk, 1, &r->account, &made, e) == 1 ?
	    0 : -1;
}

void
acme_role_hint(struct acme_role *r)
{
	if (r->hint_at == 0)
		r->hint_at = clk_mono() + HINT_US;
}

static void
hint(struct acme_role *r)
{
	if (r->hint_at == 0 || clk_mono() < r->hint_at)
		return;
	r->hint_at = 0;
	cmd_hint(&r->ctx);
}

static void
other(void *arg, uint64_t id, const struct acme_reply *reply)
{
	struct acme_role	*r = arg;

	if (r->own == NULL || !renewal_reply(r->own, id, reply))
		(void)acme_serve_reply(r, id, reply);
}

/* --- what is due --- */

static void
say(void *arg, const struct renewal_word *w)
{
	char	t[CLK_TEXT];

	(void)arg;
	if (w->code != ERR_NONE)
		log_error("acme", "%s: %s", w->name, w->text);
	else
		log_info("acme", "%s: renewed, until %s", w->name,
		    clk_text(w->not_after, t));
}

static void
tell(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static void
complain(const struct err *e)
{
	log_error("acme", "%s", e->msg);
}

static void
look_again(struct acme_role *r)
{
	int64_t	every = r->ctx.conf->audit_every;

	r->look_at = clk_mono() + (every < LOOK_S ? every : LOOK_S) * CLK_SEC;
}

static void
own_end(struct acme_role *r)
{
	if (r->own != NULL)
		renewal_free(r->own);
	free(r->own);
	r->own = NULL;
	look_again(r);
}

/* Begin with what is due, if something is. */
static void
look(struct acme_role *r)
{
	struct renewal	*own = mem_zero(sizeof(*own));
	struct err	 e = ERR_INIT;
	int		 rc;

	r->own = own;
	/* those that failed before, or that a death left undone */
	if (r->ctx.conf->deploy_hook != NULL || !r->adopted)
		r->hooks.wanted = 1;
	own->adopted = r->adopted;
	own->author = cmd_actor();
	own->say = say;
	own->tell = tell;
	rc = renewal_load(own, &r->ctx, &e);
	r->adopted = rc == 0;
	if (rc == 0 && !renewal_wants(own)) {
		own_end(r);
		return;
	}
	if (rc == 0 && (rc = acme_role_ready(r, &e)) == -1 &&
	    (e.code == ERR_HTTP || e.code == ERR_NET ||
	    e.code == ERR_SILENT))
		renewal_missed(own, e.msg);
	if (rc == 0) {
		renewal_begin(own, &r->crew, &r->account, &r->hooks);
		return;
	}
	log_error("acme", "%s", e.msg);
	r->stop = e.code == ERR_DB;
	own_end(r);
}

static void
own_turn(struct acme_role *r)
{
	struct err	e = ERR_INIT;
	int		rc;

	if (r->own == NULL && !r->reload && clk_mono() >= r->look_at)
		look(r);
	if (r->own == NULL || (rc = renewal_turn(r->own, &e)) == 0)
		return;
	if (rc == -1) {
		log_error("acme", "%s", e.msg);
		r->stop = 1;
	} else {
		acme_role_hint(r);
		own_end(r);
	}
}

/* --- its configuration --- */

/* All or nothing; one that cannot be used leaves what was. */
static int
configure(struct acme_role *r, struct err *e)
{
	struct conf		*c = conf_load(r->config, e), *old;
	uint8_t			 sum[ACME_MSG_CONF];
	struct acme_place	*p = NULL;
	struct acme_preflight	*pre = NULL;

	if (c == NULL || acme_sock_conf(c, sum, e) == -1 ||
	    (pre = acme_preflight_new(c, e)) == NULL ||
	    (p = acme_place_idle(c, e)) == NULL) {
		acme_preflight_free(pre);
		conf_free(c);
		return -1;
	}
	hang_up(r);
	acme_place_free(r->place);
	r->place = r->crew.place = p;
	acme_preflight_free(r->crew.pre);
	r->crew.pre = pre;
	old = r->ctx.conf;
	r->ctx.conf = c;
	r->hooks.conf = c;
	memcpy(r->conf, sum, sizeof(sum));
	conf_free(old);
	r->adopted = 0;
	r->look_at = 0;
	return 0;
}

static int
is_idle(const struct acme_role *r)
{
	return r->crew.n == 0 && r->own == NULL && !acme_serve_busy(r);
}

/* What is done when nothing is under way. */
static void
idle(struct acme_role *r)
{
	struct err	e = ERR_INIT;

	/* others may want the ports */
	acme_place_close(r->place);
	if (r->reload) {
		r->reload = 0;
		if (r->hooks.pid != 0)
			deploy_hooks_wait(&r->hooks);
		if (configure(r, &e) == -1)
			log_error("acme", "%s; the configuration of before "
			    "stays", e.msg);
		err_clear(&e);
	}
	if (r->talk != NULL && clk_mono() - r->talk_at > TALK_US)
		hang_up(r);
}

/* --- the role --- */

/* Another daemon may be there still: then it is tried again. */
static int
serve(struct acme_role *r, struct err *e)
{
	r->listening = acme_sock_listen(r->ctx.conf->state_dir, e);
	r->listen_at = clk_mono() + LISTEN_US;
	return r->listening == -1 && e->code != ERR_TEMP ? -1 : 0;
}

static int
begin(struct acme_role *r, struct ipc *boss, struct err *e)
{
	struct engine_run	run;
	struct ipc_msg		m;
	size_t			i;

	if (ipc_recv(boss, &m, BOSS_MS, e) != 1 || m.type != ENGINE_RUN ||
	    engine_run_read(&m.body, &run) == -1)
		return err_set(e, ERR_SYS, "no word from the supervisor");
	if (run.quiet)
		log_open("certvigil", LOG_WARN);
	for (i = 0; i < run.nfiles; i++)
		file_adopt(run.files[i], ENGINE_FILE_FD + (int)i);
	challenge_listen_adopted(run.nlisten, ENGINE_LISTEN_FD);
	r->config = run.config[0] != '\0' ? mem_str(run.config) : NULL;
	r->conninfo = mem_str(run.conninfo);
	r->hooks.conninfo = r->conninfo;
	r->ctx.quiet = 1;
	if (configure(r, e) == -1)
		return -1;
	r->ctx.db = db_open(r->conninfo, e);
	if (r->ctx.db == NULL)
		return -1;
	return serve(r, e);
}

/* Until something comes, or is due. */
static void
nap(struct acme_role *r, struct ipc *boss)
{
	struct pollfd	p[POLLS];
	size_t		n = 1, ports = 0;
	int64_t		left, look = r->own != NULL || r->reload ?
			    INT64_MAX : r->look_at - clk_mono();

	p[0] = (struct pollfd){ ipc_fd(boss), POLLIN, 0 };
	n += acme_serve_polls(r, p + n, POLLS - n);
	n += acme_crew_polls(&r->crew, p + n, POLLS - n);
	if (is_idle(r))
		ports = challenge_listen_polls(p + n, POLLS - n);
	left = acme_crew_when(&r->crew) - clk_wall();
	if (left > look)
		left = look;
	if (r->hooks.pid != 0 && left > HOOK_MS * CLK_SEC / 1000)
		left = HOOK_MS * CLK_SEC / 1000;
	(void)poll(p, n + ports, left <= 0 ? 0 : left > CLK_SEC ? 1000 :
	    (int)(left / 1000) + 1);
	challenge_listen_hang_up(p + n, ports);
}

/* What the supervisor says; it is gone: the end. */
static void
obey(struct acme_role *r, struct ipc *boss)
{
	struct ipc_msg	m;
	struct err	e = ERR_INIT;

	if (ipc_read(boss, &e) == -1)
		r->stop = 1;
	while (ipc_next(boss, &m) == 1) {
		if (m.type == ENGINE_STOP)
			r->stop = 1;
		else if (m.type == ENGINE_RELOAD) {
			r->reload = 1;
			if (r->own != NULL)
				r->own->stop = 1;
		}
	}
}

static int
loop(struct acme_role *r, struct ipc *boss, struct err *e)
{
	struct err	why = ERR_INIT;

	/* so that the first order need not wait for it */
	if (call_up(r, &why) == -1)
		log_error("acme", "%s", why.msg);
	err_clear(&why);
	while (!r->stop) {
		obey(r, boss);
		/* what the others do next would fail, each by itself */
		if (r->talk != NULL && !sign_client_lives(
		    acme_talk_sign(r->talk)))
			return err_set(e, ERR_TEMP, "the process that "
			    "signs is gone");
		if (acme_crew_turn(&r->crew, e) == -1)
			return -1;
		own_turn(r);
		if (r->listening == -1 && clk_mono() >= r->listen_at &&
		    serve(r, &why) == -1)
			return err_set(e, why.code, "%s", why.msg);
		err_clear(&why);
		acme_serve_turn(r);
		(void)deploy_hooks_turn(&r->hooks);
		hint(r);
		if (is_idle(r))
			idle(r);
		nap(r, boss);
	}
	return 0;
}

int
acme_role_main(void)
{
	struct acme_role	 r;
	struct ipc		*boss;
	struct err		 e = ERR_INIT;
	int			 rc;

	proc_enter("acme", 0);
	log_open("certvigil", LOG_INFO);
	memset(&r, 0, sizeof(r));
	r.listening = -1;
	r.crew.other = other;
	r.crew.arg = &r;
	r.hooks.complain = complain;
	boss = ipc_new(PROC_CHANNEL);
	rc = begin(&r, boss, &e);
	if (rc == 0) {
		if (e.code != ERR_NONE)
			log_warn("acme", "%s", e.msg);
		err_clear(&e);
		rc = loop(&r, boss, &e);
	}
	if (rc == -1)
		log_error("acme", "%s", e.msg);
	/* what is under way is gone on with by the next one */
	acme_crew_leave(&r.crew);
	acme_serve_end(&r);
	if (r.own != NULL)
		own_end(&r);
	deploy_hooks_stop(&r.hooks);
	hang_up(&r);
	acme_place_free(r.place);
	acme_preflight_free(r.crew.pre);
	db_close(r.ctx.db);
	conf_free(r.ctx.conf);
	ipc_free(boss);
	free(r.config);
	free(r.conninfo);
	return rc == -1 ? err_exit(e.code) : 0;
}
